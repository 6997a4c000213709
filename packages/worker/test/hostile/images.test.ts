import { execFileSync } from 'node:child_process';
import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { openScene, sh } from '../scene.ts';
import { docker, makeImage } from './image-scene.ts';

test('hostile input 40: an image that is nowhere, or has no such name, is a result with that reason', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const missing = await run({ args: ['true'], image: 'no-such-image:ever' });
  t.is(missing.result.reason, 'image');
  t.is(missing.result.result, undefined);
  t.is(missing.result.image, undefined);
  t.regex(missing.result.message ?? '', /no-such-image:ever could not be pulled/);
  for (const image of ['../containers/json?x=', 'a b', 'x\ny', 'BUSYBOX/../x']) {
    const { result } = await run({ args: ['true'], image });
    t.is(result.reason, 'image', image);
    t.regex(result.message ?? '', /is not a name of an image/);
  }
  await isUnharmed();
});

test('hostile input 40: an image over its limit is refused before anything runs', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { result } = await run({ args: ['true'], limits: { image: '1k' } });
  t.is(result.reason, 'image');
  t.regex(result.message ?? '', /the limit is 1024/);
  await isUnharmed();
});

test('hostile input 40: an image of one static program runs it, and has no shell', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const image = await makeImage(t);
  const { result, text } = await run({ image, args: ['/busybox', 'ls', '/'] });
  t.is(result.reason, 'exit', result.message);
  t.deepEqual((await text('out')).trim().split('\n'), ['busybox', 'dev', 'etc', 'proc', 'sbin', 'sys', 'var']);
  t.is(result.image, (await docker.getImage(image).inspect()).Id, 'what has no digest is known by its identifier');
  const shell = await run({ image, ...sh('true') });
  t.is(shell.result.reason, 'image');
  t.is(shell.result.result, 127);
  t.regex(shell.result.message ?? '', /The command could not be started in the image: .*sh/);
  await isUnharmed();
});

test('hostile input 40: what the image says of directory, user, entrypoint, variables and health does not count', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const changes = [
    'WORKDIR /proc/self/fd/8',
    'ENTRYPOINT ["/busybox", "false"]',
    'CMD ["/no/such/thing"]',
    'USER 1234:1234',
    'ENV LD_PRELOAD=/evil.so EVIL=yes',
    'HEALTHCHECK --interval=1s CMD ["/busybox", "kill", "1"]',
    'VOLUME /var/lib/kolejka /data',
    'EXPOSE 22',
  ];
  const image = await makeImage(t, { changes });
  const script = '/busybox pwd; /busybox id -u; /busybox env; /busybox touch /var/lib/kolejka/result/kept /data/x';
  const { result, text } = await run({ image, args: ['/busybox', 'sh', '-c', script] });
  t.is(result.reason, 'exit', result.message);
  const [directory, user, ...variables] = (await text('out')).trim().split('\n');
  t.deepEqual([directory, user], ['/var/lib/kolejka/task', '0']);
  t.deepEqual(
    variables.filter((line) => /EVIL|evil/.test(line)),
    [],
  );
  t.true('kept' in result.files);
  await isUnharmed();
});

test('hostile input 40: links in place of directories of the system lead nowhere on this machine', async (t) => {
  const { run, isUnharmed, directory } = await openScene(t);
  const outside = path.join(directory, 'outside');
  await mkdir(outside);
  const links: [name: string, target: string][] = [
    ['dev', '/proc'],
    ['dev', `../../../../..${outside}`],
    ['proc', '/etc'],
    ['var', outside],
  ];
  for (const [name, target] of links) {
    const image = await makeImage(t, { prepare: (tree) => symlink(target, path.join(tree, name)) });
    const { result } = await run({ image, args: ['/busybox', 'true'] });
    t.true(['exit', 'image'].includes(result.reason ?? ''), `${name} to ${target}: ${result.reason} ${result.message}`);
    t.deepEqual(execFileSync('ls', ['-A', outside]).toString(), '', `${name} to ${target}`);
  }
  await isUnharmed();
});

test('hostile input 40: a program of another machine is a result that says so', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  // Byte 18 of an ELF file is the machine it is for; nobody has machine 0xfefe.
  const image = await makeImage(t, {
    prepare: async (tree) => {
      const file = await open(path.join(tree, 'busybox'), 'r+');
      await file.write(Buffer.from([0xfe, 0xfe]), 0, 2, 18);
      await file.close();
    },
  });
  const { result } = await run({ image, args: ['/busybox', 'true'] });
  t.is(result.reason, 'image');
  // The init looks for a shell to run it, which this image has not.
  t.regex(result.message ?? '', /could not be started in the image: exec \/busybox failed/);
  await isUnharmed();
});

const DOCKERODE = new URL(import.meta.resolve('dockerode')).pathname;

test('hostile input 41: an image whose tag is moved between the look and the start is the one that was looked at', async (t) => {
  const scene = await openScene(t);
  const named = (name: string) => makeImage(t, { prepare: (tree) => writeFile(path.join(tree, 'name'), name) });
  const [one, other] = [await named('one'), await named('other')];
  const { Id: id } = await docker.getImage(one).inspect();
  const [repo = '', tag = ''] = one.split(':');
  const call = `new (require(${JSON.stringify(DOCKERODE)}))().getImage("${other}").tag(${JSON.stringify({ repo, tag })})`;
  // The worker says a step before it does it: the tag has moved when the container is made.
  const { log } = scene.context;
  scene.context.log = {
    say(name, fields) {
      if (fields?.['step'] === 'container') execFileSync(process.execPath, ['-e', call]);
      log.say(name, fields);
    },
  };
  const { result, text } = await scene.run({ image: one, args: ['/busybox', 'cat', '/name'] });
  scene.context.log = log;
  t.not((await docker.getImage(one).inspect()).Id, id, 'the tag was moved');
  t.is(await text('out'), 'one', result.message);
  t.is(result.image, id);
  await scene.isUnharmed();
});
