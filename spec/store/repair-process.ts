import { repairStore } from '../../store/repair.ts';

// A process that repairs a store, and is killed while it does.

const [damaged = '', target = ''] = process.argv.slice(2);

await repairStore(damaged, target, {
  onProgress: ({ step }) => process.send?.(step),
});
