/** What a foreman remembers of the images that it has brought to its node: across restarts, in one file. */
import { readFile, rename, writeFile } from 'node:fs/promises';

/** An image that this foreman has pulled. */
export interface ImageRecord {
  id: string;
  /** Names that tasks gave it, in the spelling of engines. */
  names: string[];
  sizeBytes: number;
  /** When a task wanted it last: milliseconds since 1970. */
  usedMs: number;
}

export interface ImageRecords {
  readonly byId: Map<string, ImageRecord>;
  /** Writes down what there is now; writes that come meanwhile are done by one more. Never rejects. */
  save(): Promise<void>;
}

/**
 * The records in a file. One that cannot be read counts as none: then images that were pulled before stay for ever,
 * which loses room, but no image that is somebody else's.
 * @param failed hears why records could not be written
 */
export async function openImageRecords(file: string, failed: (error: unknown) => void): Promise<ImageRecords> {
  const byId = new Map((await read(file)).map((record) => [record.id, record]));
  let [isDirty, writing] = [false, undefined as Promise<void> | undefined];

  async function writeAll(): Promise<void> {
    while (isDirty) {
      isDirty = false;
      try {
        await writeFile(`${file}.new`, JSON.stringify([...byId.values()]), { flush: true });
        await rename(`${file}.new`, file);
      } catch (error) {
        failed(error);
      }
    }
    writing = undefined;
  }

  return {
    byId,
    save() {
      isDirty = true;
      return (writing ??= writeAll());
    },
  };
}

async function read(file: string): Promise<ImageRecord[]> {
  try {
    const records: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Array.isArray(records) ? records.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is ImageRecord {
  const { id, names, sizeBytes, usedMs } = (value ?? {}) as Record<string, unknown>;
  const isNamed = Array.isArray(names) && names.every((name) => typeof name === 'string');
  return typeof id === 'string' && isNamed && typeof sizeBytes === 'number' && typeof usedMs === 'number';
}
