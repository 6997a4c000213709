/** A worker and a registry that wants to know who asks: as `docker login` left it, or through a helper. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PullProgress } from '@kolejka/worker';
import test, { type ExecutionContext } from 'ava';
import { openScene } from '../packages/worker/test/scene.ts';
import { docker, publish, PUSHER, startRegistry, whyNot } from '../packages/server/test/images/registry-scene.ts';
import { runCommand } from './command.ts';

const reason = await whyNot();
const titles = {
  progress: 'an image is pulled with progress, and the result says its digest',
  credentials: "an image is pulled with the credentials of Docker's own configuration, and they are nowhere to be read",
};

if (reason !== undefined) {
  for (const title of Object.values(titles)) test.skip(`${title} (skipped: ${reason})`, (t) => t.pass());
} else {
  test.serial(titles.progress, async (t) => {
    const registry = await startRegistry(t);
    await publish(registry, 'box:1', 'pulled', 4 * 1024 ** 2);
    const { run } = await openScene(t);
    const heard: PullProgress[] = [];
    const image = `${registry.host}/box:1`;
    const { result } = await run({ image, args: ['true'] }, {}, { pulling: (progress) => heard.push(progress) });
    t.is(result.reason, 'exit', result.message);
    const [first, last] = [heard[0], heard.at(-1)];
    t.is(last?.image, image);
    t.true((last?.totalBytes ?? 0) >= 4 * 1024 ** 2, `${last?.totalBytes} bytes`);
    t.is(last?.loadedBytes, last?.totalBytes);
    t.true((first?.loadedBytes ?? 0) < (last?.loadedBytes ?? 0));
    const { RepoDigests } = await docker.getImage(image).inspect();
    t.deepEqual([result.image], RepoDigests);

    const again = await run({ image: RepoDigests[0], args: ['true'] }, {}, { pulling: () => t.fail('it is there') });
    t.is(again.result.image, result.image, 'an image by digest is the same');
  });

  test.serial(titles.credentials, async (t) => {
    const registry = await startRegistry(t, { asks: true });
    const image = `${registry.host}/box:1`;
    await publishAsPusher(image);
    const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-login-'));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const auth = Buffer.from(`${PUSHER.username}:${PUSHER.password}`).toString('base64');
    const ways: [name: string, config: object, exit: number][] = [
      ['nobody', {}, 6],
      ['login', { auths: { [registry.host]: { auth } } }, 0],
      ['helper', { credHelpers: { [registry.host]: 'ours' } }, 0],
      ['broken-helper', { credsStore: 'broken' }, 6],
    ];
    for (const [name, config, exit] of ways) {
      await docker
        .getImage(image)
        .remove({ force: true })
        .catch(() => undefined);
      const said = await execute(t, path.join(directory, name), image, config);
      t.is(said.exit, exit, `${name}: ${said.stderr}`);
      t.false(said.everything.includes(PUSHER.password), name);
      t.false(said.everything.includes(auth), name);
      if (name === 'nobody') t.regex(said.stderr, /could not be pulled: .*no basic auth credentials/);
      if (name === 'broken-helper') t.regex(said.stderr, /docker-credential-broken failed with exit status 3/);
    }
  });
}

/** Puts an image into a registry that asks who pushes. */
async function publishAsPusher(image: string): Promise<void> {
  const [, repo = '', tag = ''] = /^(.*):(.*?)$/.exec(image) ?? [];
  await docker.getImage('busybox:stable').tag({ repo, tag });
  const answer = await docker.getImage(repo).push({ tag, authconfig: { ...PUSHER, serveraddress: repo } });
  await new Promise((resolve, reject) =>
    docker.modem.followProgress(answer, (error) => (error ? reject(error) : resolve(undefined))),
  );
}

/** Runs a task of the image as a user with this configuration of Docker; `everything` is all that can be read after. */
async function execute(t: ExecutionContext, directory: string, image: string, config: object) {
  const bin = path.join(directory, 'bin');
  const task = path.join(directory, 'task');
  for (const made of [bin, task]) await mkdir(made, { recursive: true });
  const answer = JSON.stringify({ Username: PUSHER.username, Secret: PUSHER.password });
  await program(path.join(bin, 'docker-credential-ours'), `cat >/dev/null; echo '${answer}'`);
  await program(path.join(bin, 'docker-credential-broken'), `echo ${PUSHER.password}; exit 3`);
  await writeFile(path.join(directory, 'config.json'), JSON.stringify(config));
  const limits = { memory: '64M', pids: 16, time: '20s' };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify({ image, args: ['true'], limits }));
  const result = path.join(directory, 'result');
  const args = ['execute', task, result, '--temp', path.join(directory, 'runs'), '--debug'];
  const env = { DOCKER_CONFIG: directory, PATH: `${bin}:${process.env['PATH']}` };
  const { exit, stdout, stderr } = await runCommand('kolejka-worker', args, { env });
  const written = await readFile(path.join(result, 'kolejka_result.json'), 'utf8');
  return { exit, stderr, everything: [stdout, stderr, written].join('\n') };
}

async function program(file: string, script: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}
