/**
 * The files of one group by their names alone. On v1 the part before the first dot names the hierarchy the file is in
 * (`memory.limit_in_bytes`), on v2 all are in one directory: so the tables of controllers can name files only.
 */
import path from 'node:path';
import * as files from './files.ts';

export class GroupFiles {
  readonly #directoryOf: (controller: string) => string | undefined;

  /** @param directoryOf the group's directory in the hierarchy of a controller; undefined where there is none */
  constructor(directoryOf: (controller: string) => string | undefined) {
    this.#directoryOf = directoryOf;
  }

  #at(file: string): string {
    const [controller = ''] = file.split('.', 1);
    const directory = this.#directoryOf(controller);
    // A path that cannot be: reads as absent, and writing to it fails with ENOENT.
    return path.join(directory ?? '/proc/self/no-such-controller', file);
  }

  parent(): GroupFiles {
    return new GroupFiles((controller) => {
      const directory = this.#directoryOf(controller);
      return directory === undefined ? undefined : path.dirname(directory);
    });
  }

  has(file: string): boolean {
    return files.readFile(this.#at(file)) !== undefined;
  }

  text(file: string): string | undefined {
    return files.readFile(this.#at(file));
  }

  number(file: string): number | undefined {
    return files.readNumber(this.#at(file));
  }

  key(file: string, key: string): number | undefined {
    return files.readKey(this.#at(file), key);
  }

  write(file: string, text: string | number): void {
    files.writeFile(this.#at(file), text);
  }

  /** Full path of a file, for what must hold it open. */
  pathOf(file: string): string {
    return this.#at(file);
  }

  /** The number behind a key in this group and each below it, by directory; empty where the kernel has no such file. */
  keyBelow(file: string, key: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const directory of files.subtree(path.dirname(this.#at(file)))) {
      const value = files.readKey(path.join(directory, file), key);
      if (value !== undefined) found.set(directory, value);
    }
    return found;
  }
}
