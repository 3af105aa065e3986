import { corrupt } from './corrupt.ts';
import { diskFull } from './disk-full.ts';
import { iofault } from './iofault.ts';
import { kill } from './kill.ts';
import { lease } from './lease.ts';
import { liveKill } from './live-kill.ts';
import { model } from './model.ts';
import { powerloss } from './powerloss.ts';
import { soak } from './soak.ts';
import { tail } from './tail.ts';
import type { Torture } from './torture.ts';

/** Every torture, by the order in which they are listed. */
export const tortures: readonly Torture[] = [kill, lease, tail, model, powerloss, iofault, diskFull, corrupt, liveKill, soak];
