/** `node remove-group.ts PATH`: removes a control group and all below it, for a bench that is interrupted. */
import { openCgroups } from '@kolejka/observer/cgroup';

const [group = ''] = process.argv.slice(2);
await openCgroups().open(group).remove();
