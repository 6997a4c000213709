import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

test('regression: where nothing more can be watched, files stay silent and nothing fails', async (t) => {
  const watching = `
    import { watch } from 'node:fs';
    import { watchFile } from '${import.meta.resolve('../../src/cgroup/files.ts')}';
    try { watch('/etc/hosts').close(); } catch (error) { console.log(error.code); }
    watchFile('/etc/hosts', () => undefined)();
    console.log('silent');`;
  // A user namespace has a count of its own, which may be 0.
  const script = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" --input-type=module --eval "$1"';
  const args = ['--user', '--map-root-user', 'sh', '-c', script, process.execPath, watching];
  const { stdout } = await promisify(execFile)('unshare', args);
  t.is(stdout, 'EMFILE\nsilent\n');
});
