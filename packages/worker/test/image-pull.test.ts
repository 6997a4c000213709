import { PassThrough } from 'node:stream';
import Docker from 'dockerode';
import test from 'ava';
import type { Engine } from '../src/engine.ts';
import { pullImage, type PullProgress } from '../src/image-pull.ts';
import { ImagePulls } from '../src/image-pulls.ts';

/** An engine whose pull says these lines and then takes its time. */
function engineThatSays(lines: readonly object[]) {
  const docker = new Docker();
  const broken = Promise.withResolvers<void>();
  const pull = async (_image: string, { abortSignal }: { abortSignal: AbortSignal }) => {
    abortSignal.addEventListener('abort', () => broken.resolve());
    const answer = new PassThrough();
    for (const line of lines) answer.write(`${JSON.stringify(line)}\n`);
    return answer;
  };
  const engine = { docker: { pull, modem: docker.modem } } as unknown as Engine;
  return { engine, broken: broken.promise };
}

const layer = (id: string, current: number, total: number) => ({
  id,
  status: 'Downloading',
  progressDetail: { current, total },
});

test('the pull of an image that is too large is broken off as soon as its layers are known', async (t) => {
  const { engine, broken } = engineThatSays([layer('a', 1, 600), layer('b', 1, 600)]);
  const heard: PullProgress[] = [];
  const refused = await t.throwsAsync(
    new ImagePulls(engine).pull('large:1', {
      signal: new AbortController().signal,
      pulling: (progress) => void heard.push(progress),
      limitBytes: 1000,
    }),
    { code: 'image-unavailable' },
  );
  t.is(refused.message, 'The image large:1 has more bytes than the limit of 1000; its pull was broken off.');
  t.deepEqual(heard, [{ image: 'large:1', loadedBytes: 1, totalBytes: 600 }]);
  await t.notThrowsAsync(broken, 'the engine is told');
});

test('a pull that is given up ends at once, whatever the engine does', async (t) => {
  const { engine } = engineThatSays([layer('a', 1, 600)]);
  const stop = new AbortController();
  const pulling = () => stop.abort(new Error('given up'));
  const refused = await t.throwsAsync(pullImage(engine, 'slow:1', { signal: stop.signal, pulling }));
  t.regex(refused.message, /given up/);
});
