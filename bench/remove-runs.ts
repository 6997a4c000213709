/** `node remove-runs.ts TEMP`: removes all that the runs below TEMP have, for a bench that is interrupted. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { openLog } from '@kolejka/program';
import { disownDirectory, openWorker, WORKER_MESSAGES } from '@kolejka/worker';

const [temp = ''] = process.argv.slice(2);
for (const id of await readdir(temp).catch(() => [])) await disownDirectory(path.join(temp, id));
// Opening a worker removes what is nobody's.
const log = openLog('bench', WORKER_MESSAGES, { level: 'error' });
await openWorker({ log, temp, observerSocket: '/nonexistent/socket' });
