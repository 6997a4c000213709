/** A program of the drill that is killed, frozen and started again, and is there again afterwards. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import { type Program, type ProgramName, startProgram } from 'kolejka';

export interface Start {
  name: ProgramName;
  args: readonly string[];
  /** Its main file, where that is another than the program's own. */
  entry?: string;
  /** Directory of its log. */
  logs: string;
}

export interface Victim {
  /** SIGKILL; answers when it is gone. */
  kill(): Promise<void>;
  /** Starts it after a kill, again and again: it gives up where its server is away. */
  revive(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
  /** Ends it at once, whatever state it is in. */
  abandon(): void;
}

const PAUSE_MS = 250;

/** Starts a program. @param ready hears its ready line, each time it starts */
export async function startVictim(start: Start, signal: AbortSignal, ready: (line: string) => void): Promise<Victim> {
  await mkdir(start.logs, { recursive: true });
  const { name, ...options } = start;
  let program: Program | undefined;
  const begin = async () => {
    program = await startProgram(name, { ...options, signal });
    ready(program.ready);
  };
  const send = (kind: NodeJS.Signals) => {
    if (program !== undefined) process.kill(program.pid, kind);
  };
  await begin();
  return {
    async kill() {
      const { ended } = program ?? {};
      program?.kill();
      await ended;
      program = undefined;
    },
    async revive() {
      for (;;) {
        try {
          return await begin();
        } catch (thrown) {
          if (!(thrown instanceof GridError)) throw thrown;
          await sleep(PAUSE_MS, undefined, { signal });
        }
      }
    },
    freeze: () => send('SIGSTOP'),
    thaw: () => send('SIGCONT'),
    async stop() {
      await program?.stop();
      program = undefined;
    },
    // One that is stopped is ended by SIGKILL too.
    abandon: () => program?.kill(),
  };
}
