import { parseConfFile } from '@kolejka/program';
import test from 'ava';
import { setConfValues } from '../src/conf-text.ts';

const read = (text: string, section: string) =>
  Object.fromEntries(parseConfFile(text, 'kolejka.conf').get(section) ?? []);

test('a section that is not there is appended', (t) => {
  t.is(setConfValues('', 'client', { server: 'a' }), '[client]\nserver = a\n');
  t.is(setConfValues('[other]\nx = 1\n\n', 'client', { server: 'a' }), '[other]\nx = 1\n\n[client]\nserver = a\n');
});

test('comments, other values and other sections stay as they are', (t) => {
  const text = '# mine\n[client]\nserver = old\n; why\nmemory = 4G\n\n[other]\nserver = theirs\n';
  t.is(
    setConfValues(text, 'client', { server: 'new' }),
    '# mine\n[client]\n; why\nmemory = 4G\nserver = new\n\n[other]\nserver = theirs\n',
  );
});

test('a value is found in any case, with a colon, indented, and goes with the lines it goes on in', (t) => {
  const text = '[client]\n  Password : one\n    two\n  memory = 4G\n    # more\n    more\nTOKEN=x\n';
  const changed = setConfValues(text, 'client', { password: 'new', token: undefined });
  t.deepEqual(read(changed, 'client'), { password: 'new', memory: '4G\nmore' });
});

test('a section that is continued further down is one section', (t) => {
  const text = '[client]\nmemory = 4G\n[other]\nserver = theirs\n[client]\nserver = old\n';
  const changed = setConfValues(text, 'client', { server: 'new' });
  t.deepEqual(read(changed, 'client'), { memory: '4G', server: 'new' });
  t.deepEqual(read(changed, 'other'), { server: 'theirs' });
});

test('what is written is what is read', (t) => {
  for (const password of ['100%', '%%', 'a;b#c', '"quoted"', "it's = so: [x]", 'null']) {
    t.is(read(setConfValues('', 'client', { password }), 'client')['password'], password);
  }
});
