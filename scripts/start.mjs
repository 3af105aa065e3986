/** `npm start`: the earthquakes example, on a fresh clone too. Arguments after `--` are the example's. */
import { bootstrap, runTypeScript } from './bootstrap.mjs';

bootstrap();
await runTypeScript('examples/earthquakes/main.ts', process.argv.slice(2));
