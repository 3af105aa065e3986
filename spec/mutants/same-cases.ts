import fc from 'fast-check';

// Nobody reads the smallest case of a mutant that dies.
fc.configureGlobal({ endOnFailure: true });
