/** `npm run check`: the repository checks itself. Exit status 1 when anything is wrong. */
import { runCheck } from './check/run.ts';

if (!(await runCheck())) process.exitCode = 1;
