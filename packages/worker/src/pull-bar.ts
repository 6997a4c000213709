/** A bar on a terminal while an image is pulled; nothing in a pipe. */
import cliProgress from 'cli-progress';
import type { PullProgress } from './image-pull.ts';

const MEBIBYTE = 1024 ** 2;

export interface PullBar {
  show: (progress: PullProgress) => void;
  /** Takes the bar away. Safe to call twice. */
  close: () => void;
}

export function openPullBar(out: NodeJS.WriteStream = process.stderr): PullBar {
  let bar: cliProgress.SingleBar | undefined;
  return {
    show({ image, loadedBytes, totalBytes }) {
      if (!out.isTTY) return;
      if (bar === undefined) {
        const format = `pulling ${image} [{bar}] {value} of {total} MiB`;
        bar = new cliProgress.SingleBar({ stream: out, format, clearOnComplete: true, hideCursor: true });
        bar.start(1, 0);
      }
      // What a layer has is known only when it begins.
      bar.setTotal(Math.ceil(totalBytes / MEBIBYTE));
      bar.update(Math.floor(loadedBytes / MEBIBYTE));
    },
    close() {
      bar?.stop();
      bar = undefined;
    },
  };
}
