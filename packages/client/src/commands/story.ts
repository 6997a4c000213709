/**
 * What `execute` and `task put` tell on stderr as it happens: plain lines, and on a terminal a bar while files are sent
 * and a line that counts while the task is waited for.
 */
import { printBytes, type Result, type TaskEvent } from '@kolejka/protocol';
import type { SingleBar } from 'cli-progress';

export interface Story {
  /** One line. */
  say(line: string): void;
  /** Hears of an upload, as `putTask` tells it. */
  upload: { total: (files: number, bytes: number) => void; sent: (bytes: number) => void };
  uploaded(): void;
  /** Shows that something is waited for; undefined is over. */
  waiting(what: string | undefined): void;
  /** Ends bars and lines that count. */
  close(): void;
}

/** Smaller uploads are over before a bar says anything. */
const BAR_FROM_BYTES = 1024 ** 2;

/** The story on a stream; lively on a terminal. */
export async function openStory(out: NodeJS.WriteStream = process.stderr): Promise<Story> {
  const progress = out.isTTY ? (await import('cli-progress')).default : undefined;
  let bar: SingleBar | undefined;
  let [files, total] = [0, 0];
  let counter: NodeJS.Timeout | undefined;

  function clear(): void {
    if (counter === undefined) return;
    clearInterval(counter);
    counter = undefined;
    out.write('\r\x1b[K');
  }

  return {
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    upload: {
      total(count, bytes) {
        [files, total] = [count, bytes];
        if (progress === undefined || bytes < BAR_FROM_BYTES) return;
        const format = 'sending [{bar}] {percentage}% {value} of {total} MiB';
        bar = new progress.SingleBar({ stream: out, format, clearOnComplete: true, hideCursor: true });
        bar.start(Math.ceil(bytes / 1024 ** 2), 0);
      },
      sent: countMebibytes((mebibytes) => bar?.update(mebibytes)),
    },
    uploaded() {
      bar?.stop();
      bar = undefined;
      out.write(`uploaded: ${files} ${files === 1 ? 'file' : 'files'}, ${printBytes(total)}\n`);
    },
    waiting(what) {
      clear();
      if (what === undefined || !out.isTTY) return;
      const since = performance.now();
      const show = () => out.write(`\r\x1b[K${what} ${Math.round((performance.now() - since) / 1000)} s`);
      show();
      counter = setInterval(show, 1000);
    },
    close() {
      bar?.stop();
      clear();
    },
  };
}

function countMebibytes(show: (mebibytes: number) => void): (bytes: number) => void {
  let bytes = 0;
  return (more) => {
    bytes += more;
    show(Math.floor(bytes / 1024 ** 2));
  };
}

/** An event as a line, or undefined for one that needs none. */
export function tellEvent({ event, foreman, attempt, message }: TaskEvent): string | undefined {
  const where = foreman === null ? '' : ` by ${foreman}`;
  const again = attempt > 1 ? `, attempt ${attempt}` : '';
  const why = message === null || message === '' ? '' : `: ${message}`;
  const lines: Partial<Record<TaskEvent['event'], string>> = {
    assigned: `assigned: taken${where}${again}`,
    running: `running: the program has started${again}`,
    returned: `returned: handed back${where}${why}`,
    lost: `lost: the lease ran out${why}`,
    cancelled: `cancelled${why}`,
    failed: `failed${why}`,
  };
  return lines[event];
}

/** What is waited for after an event. */
export function waitedFor(event: TaskEvent['event']): string {
  if (event === 'running') return 'running';
  return event === 'assigned' ? 'being prepared' : 'waiting for a foreman';
}

/** A result as a line. */
export function tellResult({ reason, result, message }: Result): string {
  const why = reason === undefined ? '' : ` (${reason})`;
  const sentence = message === undefined ? '' : `: ${message}`;
  return result == null
    ? `resolved: the program was not started${why}${sentence}`
    : `resolved: result ${result}${why}${sentence}`;
}
