/**
 * Whether this node can write where its runs are. A node whose disk fails would be given the task it has just handed
 * back, again and again: after a failure it takes none until a test write goes through, and then not at once.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { backOff, makeDirectories } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

/** More than what a file system that is full may still have in its journal. */
const TEST_BYTES = 1024 ** 2;

export class Disk {
  readonly #temp: string;
  #suspect = false;
  #inARow = 0;

  /** @param temp where the directories of runs are */
  constructor(temp: string) {
    this.#temp = temp;
  }

  /** A task failed here through no fault of its own. */
  failed(): void {
    this.#suspect = true;
    this.#inARow += 1;
  }

  /** A task went through. */
  succeeded(): void {
    this.#inARow = 0;
  }

  /**
   * Tests a disk that failed. A task may need more room than the test, so the pause grows with failures in a row.
   * @returns milliseconds to pause before a task is taken; 0 when nothing has failed since the last answer
   * @throws GridError `node-unfit` when it cannot be written
   */
  async recover(): Promise<number> {
    if (!this.#suspect) return 0;
    await this.test();
    this.#suspect = false;
    return backOff(this.#inARow);
  }

  /** Makes the directory and writes in it. @throws GridError `node-unfit` when that cannot be done */
  async test(): Promise<void> {
    const file = path.join(this.#temp, `disk_test_${process.pid}`);
    try {
      await makeDirectories(this.#temp, 0o700);
      await writeFile(file, Buffer.alloc(TEST_BYTES), { flush: true });
      await rm(file);
    } catch (cause) {
      // What there is of it takes up room; where it cannot be removed either, the sentence below tells of the disk.
      await rm(file, { force: true }).catch(() => undefined);
      const { message } = cause as Error;
      throw new GridError(
        'node-unfit',
        `${this.#temp} cannot be written (${message}): make room there, or choose another --temp; no task is taken until then.`,
        { cause },
      );
    }
  }
}
