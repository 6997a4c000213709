/** The tasks that are put, the foreman that asks for them, and the results it hands in. */

/** A task like those of a judge: an image, a command, limits. Tasks of different `number` are of different classes. */
export function taskOfClass(number: number, { requires = [] as readonly string[] } = {}): Record<string, unknown> {
  return {
    image: 'kolejka/judge:latest',
    args: ['./judge', '--solution', 'solution.c', '--tests', 'tests.zip'],
    environment: { LANG: 'C.UTF-8' },
    requires,
    limits: { cpus: 1, memory: `${64 + number}M`, pids: 64, storage: '256M', workspace: '64M', time: '30s' },
    stdout: 'stdout.txt',
    stderr: 'stderr.txt',
    collect: [{ glob: 'results/**', strip: 1, prefix: '' }],
    files: {},
  };
}

const NODE = { cpus: 16, memory: '64G', pids: 4096, storage: '256G', workspace: '256G', time: '3600s' };

/** A foreman with room for any of these tasks, but for one; it says all that ours says. */
export const OFFER = {
  foreman: 'bench',
  concurency: 1,
  tags: ['x86_64'],
  limits: NODE,
  node: NODE,
  defaults: { cpus: 1 },
  images: ['kolejka/judge:latest', 'busybox:stable'],
};

/** A tag no foreman here has. */
export const NOBODY_HAS = 'a-tag-nobody-has';

export function resultOf(task: string, attempt: number): Record<string, unknown> {
  return {
    id: task,
    attempt,
    tags: OFFER.tags,
    limits: { cpus: 1, memory: '64M' },
    stats: { cpu: { usage: '0.731s' }, memory: { max_usage: '41M' }, time: '0.912s' },
    result: 0,
    reason: 'exit',
    files: {},
  };
}
