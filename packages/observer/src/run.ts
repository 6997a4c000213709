/** The command `kolejka-runner`: one program in one session. */
import { runCommandLine } from '@kolejka/program';
import { openObserver } from './client.ts';
import { goToBackground, isInBackground, sayStarted } from './run/background.ts';
import { type Flags, runFlags, settingsOf } from './run/flags.ts';
import { openReport } from './run/report.ts';
import { passSignals } from './run/signals.ts';
import { type Reachable, startInSession } from './run/start.ts';
import { openStreams } from './run/streams.ts';

/** As with `nohup`, `env` and `timeout`: the exit status is not the program's, which was not run. */
const NOT_RUN = 125;

async function run(args: string[], flags: Flags): Promise<number> {
  const isBehind = isInBackground();
  const settings = settingsOf(args, flags);
  if (flags.background === true) return goToBackground();
  const report = openReport(flags);
  const observer = openObserver(settings.socket);
  try {
    const streams = await openStreams({ ...settings.files, others: isBehind ? 'ignore' : 'inherit' });
    const { stdin, stdout, stderr } = streams;
    const ready = (program: Reachable) => {
      report.begin(program.pid);
      passSignals(program, process.stdin.isTTY && !settings.program.setsid);
    };
    const program = { ...settings.program, stdin, stdout, stderr, ready };
    const started = await startInSession(observer, program, 'kolejka-runner');
    if (isBehind) sayStarted();
    const [outcome, output] = await Promise.all([started.ended, streams.keep(started.stdout, started.stderr)]);
    streams.close();
    report.end(outcome, output);
    return outcome.result;
  } finally {
    report.close();
    observer.end();
  }
}

let result: number | undefined;
await runCommandLine(
  runFlags(async (args, flags) => {
    result = await run(args, flags);
  }),
);
if (result !== undefined) process.exitCode = result;
else if (Number(process.exitCode ?? 0) !== 0) process.exitCode = NOT_RUN;
