/**
 * The files of one group by their names alone. On v1 the part before the first dot names the hierarchy the file is in
 * (`memory.limit_in_bytes`), on v2 all are in one directory: so the tables of controllers can name files only.
 */
import path from 'node:path';
import * as files from './files.ts';

export class GroupFiles {
  readonly #directoryOf: (controller: string) => string | undefined;
  readonly #read: (file: string) => string | undefined;

  /**
   * @param directoryOf the group's directory in the hierarchy of a controller; undefined where there is none
   * @param read how a file is read
   */
  constructor(directoryOf: (controller: string) => string | undefined, read = files.readFile) {
    this.#directoryOf = directoryOf;
    this.#read = read;
  }

  /** The same files, each read once: figures out of one file are of one moment, and the kernel adds them up once. */
  once(): GroupFiles {
    const texts = new Map<string, string | undefined>();
    return new GroupFiles(this.#directoryOf, (file) => {
      if (!texts.has(file)) texts.set(file, this.#read(file));
      return texts.get(file);
    });
  }

  /** The group's files in one hierarchy, whatever their names: those of v2 beside v1. */
  in(hierarchy: string): GroupFiles {
    return new GroupFiles(() => this.#directoryOf(hierarchy), this.#read);
  }

  #at(file: string): string {
    const [controller = ''] = file.split('.', 1);
    const directory = this.#directoryOf(controller);
    // A path that cannot be: reads as absent, and writing to it fails with ENOENT.
    return `${directory ?? '/proc/self/no-such-controller'}/${file}`;
  }

  parent(): GroupFiles {
    return new GroupFiles((controller) => {
      const directory = this.#directoryOf(controller);
      return directory === undefined ? undefined : path.dirname(directory);
    }, this.#read);
  }

  /** The groups directly below, in the hierarchy that a file is in. */
  below(file: string): GroupFiles[] {
    return files.groupsIn(path.dirname(this.#at(file))).map(
      (name) =>
        new GroupFiles((controller) => {
          const directory = this.#directoryOf(controller);
          return directory === undefined ? undefined : path.join(directory, name);
        }, this.#read),
    );
  }

  has(file: string): boolean {
    return this.text(file) !== undefined;
  }

  text(file: string): string | undefined {
    return this.#read(this.#at(file));
  }

  /** A file with one number; `max` is Infinity. */
  number(file: string): number | undefined {
    return files.parseNumber(this.text(file));
  }

  /** The number behind a key in lines such as `oom_kill 3`. */
  key(file: string, key: string): number | undefined {
    return files.parseKey(this.text(file), key);
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
      const value = files.parseKey(this.#read(path.join(directory, file)), key);
      if (value !== undefined) found.set(directory, value);
    }
    return found;
  }
}
