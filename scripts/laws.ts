/** `npm run laws`: writes docs/LAWS.md from the list of laws. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { lawsPage } from '../spec/laws/laws-page.ts';

const file = resolve(import.meta.dirname, '../docs/LAWS.md');
writeFileSync(file, await format(lawsPage(), { ...(await resolveConfig(file)), filepath: file }));
console.log('docs/LAWS.md is written');
