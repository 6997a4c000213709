import { ERRORS, PERMISSIONS, type Route, ROUTE_NAMES, ROUTES } from '@kolejka/protocol';
import test from 'ava';
import { z } from 'zod';
import { recorded } from './recorded.ts';
import { refusalOf } from './refusal.ts';

const rows: [string, Route][] = ROUTE_NAMES.map((name) => [name, ROUTES[name]]);
const parametersOf = (path: string) => [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);

for (const [name, route] of rows) {
  test(`${name}: the path begins and ends with a slash`, (t) => t.regex(route.path, /^\/(:?\w+\/)*$/));

  test(`${name}: every parameter of the path has a schema`, (t) => {
    t.deepEqual(Object.keys(route.params?.shape ?? {}), parametersOf(route.path));
  });

  test(`${name}: every error is in the table`, (t) => {
    for (const code of route.errors) t.true(Object.hasOwn(ERRORS, code), code);
    t.is(new Set(route.errors).size, route.errors.length);
  });

  test(`${name}: who may is anyone, a user or a permission of the table`, (t) => {
    t.true(['anyone', 'user'].includes(route.may) || Object.hasOwn(PERMISSIONS, route.may));
  });

  test(`${name}: reading has no body`, (t) => t.true(route.method !== 'GET' || route.body === undefined));

  test(`${name}: is described in one line of sentences`, (t) => t.regex(route.about, /^[A-Z][^\n]*\.$/));
}

test('no two routes have the same method and path', (t) => {
  const shapes = rows.map(([, { method, path }]) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
  t.is(new Set(shapes).size, shapes.length);
});

test('no fixed path is an instance of another route of its method', (t) => {
  const clashes = rows.flatMap(([name, route]) => {
    const others = rows.filter(([other, { method, path }]) => {
      const pattern = new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`);
      return other !== name && method === route.method && pattern.test(route.path);
    });
    return others.map(([other]) => `${name} is taken for ${other}`);
  });
  t.deepEqual(clashes, []);
});

test('what changes nothing can be asked again', (t) => {
  for (const [name, route] of rows) if (route.method === 'GET') t.true(route.repeatable, name);
});

test('the recorded request of an original foreman is understood', (t) => {
  const body = ROUTES.dequeue.body.parse(recorded('dequeue').sent);
  t.is(body.concurency, 2);
  t.is(body.limits.memory, 4_294_967_296);
  t.is(body.limits.gpus, 0);
  t.is(body.foreman, undefined);
  t.is(body.wait, 0);
});

test('an empty request for tasks means one task, no limits, no tags', (t) => {
  t.like(ROUTES.dequeue.body.parse({}), { concurency: 1, limits: {}, tags: [] });
});

test('the recorded answers fit the schemas', (t) => {
  const answers = {
    putTask: recorded('put-task').answered,
    putResult: recorded('put-result').answered,
    putReference: recorded('put-reference').answered,
    dequeue: recorded('dequeue').answered,
  };
  for (const [name, answer] of Object.entries(answers)) {
    const schema = ROUTES[name as keyof typeof answers].answer as z.ZodType;
    t.true(schema.safeParse(answer).success, name);
  }
});

test('a body of the wrong shape is a refusal that names the field', (t) => {
  const bad: [unknown, string][] = [
    [{ foreman: 'a b' }, 'foreman'],
    [{ concurency: 'two' }, 'concurency'],
    [{ limits: { memory: 'lots' } }, 'limits.memory'],
    [{ tags: 'gpu' }, 'tags'],
    [{ wait: 1e9 }, 'wait'],
  ];
  for (const [body, field] of bad) {
    const issue = ROUTES.dequeue.body.safeParse(body).error?.issues[0];
    const inner = issue?.code === 'custom' ? (issue.params?.['field'] as string | undefined) : undefined;
    t.is(inner ?? issue?.path.join('.'), field);
  }
  t.is(
    refusalOf(() => ROUTES.putTask.body.parse({ image: 'i' })),
    undefined,
  );
});
