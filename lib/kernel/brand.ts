declare const brand: unique symbol;

/** A string that only its own constructor makes, so that a bare string cannot be passed for it by mistake. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
