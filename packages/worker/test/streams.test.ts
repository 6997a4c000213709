import test from 'ava';
import fc from 'fast-check';
import { demultiplex } from '../src/streams.ts';

function frame(channel: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(channel, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test('frames come out whole and untouched however the connection cuts them', async (t) => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })), { maxLength: 10 });
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(frames, sizes, async (sent, cuts) => {
      const wire = Buffer.concat(sent.map(([channel, bytes]) => frame(channel, Buffer.from(bytes))));
      const heard = new Map([
        [1, ''],
        [2, ''],
      ]);
      for await (const { channel, bytes } of demultiplex(inPieces(wire, cuts))) {
        heard.set(channel, (heard.get(channel) ?? '') + bytes.toString('hex'));
      }
      const expected = (wanted: number) =>
        sent
          .filter(([channel]) => channel === wanted)
          .map(([, bytes]) => Buffer.from(bytes).toString('hex'))
          .join('');
      return heard.get(1) === expected(1) && heard.get(2) === expected(2);
    }),
  );
  t.pass();
});
