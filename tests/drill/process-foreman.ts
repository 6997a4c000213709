/**
 * Only for tests: a foreman as it is, but for the worker, which runs tasks as plain processes.
 * `node process-foreman.ts FILE`: its whole configuration is in the file.
 */
import { keepHeapSmall, openLog, openShutdown } from '@kolejka/program';
import { readForemanConfig } from '../../packages/foreman/src/config.ts';
import { openForeman } from '../../packages/foreman/src/foreman.ts';
import { MESSAGES } from '../../packages/foreman/src/messages.ts';
import { openProcesses } from './process-worker.ts';

keepHeapSmall();
const [configFile = ''] = process.argv.slice(2);
const config = readForemanConfig({ configFile }, {});
const log = openLog('kolejka-foreman', MESSAGES, {});
const foreman = await openForeman(config, { log, shutdown: openShutdown(), openWorker: openProcesses });
process.stdout.write(`${config.name} takes tasks\n`);
await foreman.finished;
