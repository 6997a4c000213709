import test from 'ava';
import { openPlaces, type Places } from '../../src/callbacks/places.ts';

/** Lets a call of the host go well. */
const prove = (places: Places, host: string) => places.enter(host)('well');

test('four of one host and 32 of all are called at once', (t) => {
  const places = openPlaces();
  for (const host of ['another', 'other']) prove(places, host);
  const leave = Array.from({ length: 7 }, (_, nth) => {
    prove(places, `host${nth}`);
    t.is(places.free(`host${nth}`), 4);
    const leaves = Array.from({ length: 4 }, () => places.enter(`host${nth}`));
    t.is(places.free(`host${nth}`), 0);
    return leaves[0];
  });
  t.is(places.left(), 4);
  places.enter('other');
  t.is(places.free('another'), 3);
  leave[0]?.('well');
  t.deepEqual([places.free('host0'), places.free('another')], [1, 4]);
});

test('a host has one place until a call of it goes well, and after one that did not', (t) => {
  const places = openPlaces();
  t.is(places.free('host'), 1);
  prove(places, 'host');
  t.is(places.free('host'), 4);
  const leaves = Array.from({ length: 3 }, () => places.enter('host'));
  leaves[0]?.('ill');
  t.is(places.free('host'), 0);
  for (const leave of leaves.slice(1)) leave('ill');
  t.is(places.free('host'), 1);
  places.enter('host')('well');
  t.is(places.free('host'), 4);
});

test('a call of which nothing was heard proves nothing', (t) => {
  const places = openPlaces();
  places.enter('host')();
  t.is(places.free('host'), 1);
  prove(places, 'host');
  places.enter('host')();
  t.is(places.free('host'), 4);
});

test('regression: any number of hosts that do not answer leave places for one that does', (t) => {
  const places = openPlaces();
  prove(places, 'well');
  for (let nth = 0; nth < 16; nth += 1) {
    t.is(places.free(`dead${nth}`), 1);
    places.enter(`dead${nth}`);
  }
  t.deepEqual([places.free('dead16'), places.free('well')], [0, 4]);
});

test('hosts are forgotten, the one that was longest not heard of first', (t) => {
  const places = openPlaces();
  prove(places, 'first');
  for (let nth = 0; nth < 999; nth += 1) prove(places, `host${nth}`);
  prove(places, 'first');
  prove(places, 'last');
  t.deepEqual([places.free('first'), places.free('host0'), places.free('host1')], [4, 1, 4]);
});
