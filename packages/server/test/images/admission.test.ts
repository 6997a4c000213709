import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { admitName, refuseLarger } from '../../src/images/admission.ts';
import { IMAGE_SETTINGS } from '../../src/images/settings.ts';

type Given = Partial<Record<'image_name_maps' | 'allowed_images' | 'local_images', string>>;

/** Settings as from the file. */
function settingsOf(given: Given) {
  const { image_name_maps: maps, allowed_images: allowed, local_images: local } = IMAGE_SETTINGS;
  return {
    image_name_maps: given.image_name_maps === undefined ? [] : maps.parse(given.image_name_maps, 'image_name_maps'),
    allowed_images:
      given.allowed_images === undefined ? allowed.default : allowed.parse(given.allowed_images, 'allowed_images'),
    local_images: given.local_images === undefined ? [] : local.parse(given.local_images, 'local_images'),
  };
}

const admit = (image: string, given: Given = {}) => admitName(image, settingsOf(given));

test('without settings every image is taken as it is named', (t) => {
  t.deepEqual(admit('debian:local'), { name: 'debian:local', repository: 'debian', tag: 'local', isLocal: false });
});

test('an image that is not allowed is refused in the words of the original', (t) => {
  const given = { allowed_images: 'kolejka/*, debian' };
  t.is(admit('debian', given).name, 'debian');
  t.is(admit('kolejka/gcc:12', given).name, 'kolejka/gcc:12');
  for (const image of ['debian:12', 'debian/../kolejka', 'evil/kolejka/gcc', 'docker.io/kolejka/gcc']) {
    const error = t.throws(() => admit(image, given), { instanceOf: GridError });
    if (error.code === 'image-refused') t.is(error.message, `Image ${image} is not accepted by the server`);
    else t.is(error.code, 'bad-value');
    t.is(error.field, 'image');
  }
});

test('what counts is the name after the maps', (t) => {
  const given = { image_name_maps: 'gcc => kolejka/gcc:12\nkolejka/* => evil/*', allowed_images: 'evil/*' };
  t.is(admit('gcc', given).name, 'evil/gcc:12');
  t.throws(() => admit('gcc', { ...given, allowed_images: 'gcc' }), { message: /^Image evil\/gcc:12 is not accepted/ });
});

test('a map may make a name of an image from what is none, and the other way it is refused', (t) => {
  t.is(admit('GCC', { image_name_maps: 'GCC => gcc:12' }).name, 'gcc:12');
  t.is(t.throws(() => admit('gcc', { image_name_maps: 'gcc => GCC' }), { instanceOf: GridError }).code, 'bad-value');
});

test('local images are those that every node has', (t) => {
  const given = { local_images: 'kolejka/*' };
  t.true(admit('kolejka/gcc', given).isLocal);
  t.false(admit('debian', given).isLocal);
});

test('an image of the size of the limit is taken, a byte more is not', (t) => {
  t.notThrows(() => refuseLarger('debian', 1000, 1000));
  t.notThrows(() => refuseLarger('debian', 1000, undefined));
  t.throws(() => refuseLarger('debian', 1001, 1000), { message: 'Image debian exceeds image size limit 1000' });
});
