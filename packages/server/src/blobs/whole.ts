/** The bytes of an upload as they come, as long as they are what was announced. */
import { GridError } from '@kolejka/protocol';
import type { Incoming } from './store.ts';

/** @throws GridError `too-large`, `bad-body` */
export async function* wholeStream({ bytes, largest, size }: Incoming): AsyncGenerator<Uint8Array> {
  let count = 0;
  if (size !== undefined && size > largest) throw tooLarge(largest);
  try {
    for await (const chunk of bytes) {
      count += chunk.length;
      if (count > largest) throw tooLarge(largest);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-body', `The body broke off after ${count} bytes.`, { cause });
  }
  if (size !== undefined && count !== size) {
    throw new GridError('bad-body', `The body has ${count} bytes, not the ${size} that were announced.`);
  }
}

function tooLarge(largest: number): GridError {
  return new GridError('too-large', `A blob may have at most ${largest} bytes.`);
}
