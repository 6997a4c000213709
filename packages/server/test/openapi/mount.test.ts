import type { OpenApiDocument } from '@kolejka/protocol/openapi';
import { ROUTES } from '@kolejka/protocol';
import { Validator } from '@seriousme/openapi-schema-validator';
import test from 'ava';
import { openScene, send } from '../server-scene.ts';

test('the document is valid OpenAPI 3.1, and anyone may read it', async (t) => {
  const scene = await openScene(t);
  const { status, headers, text, json } = await send(`${scene.url()}/openapi.json`);
  t.is(status, 200);
  t.is(headers.get('content-type'), 'application/json');
  const validator = new Validator();
  t.deepEqual(await validator.validate(JSON.parse(text) as Record<string, unknown>), { valid: true });
  t.is(validator.version, '3.1');
  t.regex((json as unknown as OpenApiDocument).info.version, /^\d+\.\d+\.\d+$/);
});

test('the page is at /docs/, and /docs leads there below any path', async (t) => {
  const scene = await openScene(t);
  const page = await send(`${scene.url()}/docs/`);
  t.is(page.status, 200);
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8');
  const moved = await send(`${scene.url()}/docs`);
  t.is(moved.status, 301);
  t.is(moved.headers.get('location'), 'docs/');
  t.is((await send(`${scene.url()}/docs/`, { method: 'HEAD' })).text, '');
});

test('the page has every request of the table, and every link in it leads somewhere', async (t) => {
  const scene = await openScene(t);
  const { text } = await send(`${scene.url()}/docs/`);
  const names = new Set(Array.from(text.matchAll(/ id="([^"]+)"/g), ([, name]) => name));
  for (const name of Object.keys(ROUTES)) t.true(names.has(name), name);
  const links = Array.from(text.matchAll(/ href="([^"]+)"/g), ([, link = '']) => link);
  t.true(links.length > 100);
  t.deepEqual(
    links.filter((link) => link !== '../openapi.json' && !(link.startsWith('#') && names.has(link.slice(1)))),
    [],
  );
});

test('the page needs nothing from elsewhere, and its policy forbids it', async (t) => {
  const scene = await openScene(t);
  const { text, headers } = await send(`${scene.url()}/docs/`);
  t.notRegex(text, /<script|<img|<link|@import|url\(|style="|\son\w+=/);
  t.regex(headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-[\w+/=]+';/);
});
