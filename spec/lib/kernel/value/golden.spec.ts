import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyed } from '../../../../lib/kernel/keyed/keyed.ts';
import { canonicalBytes, encodeValue } from '../../../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../../../lib/kernel/value/decode.ts';
import { dataVersion } from '../../../../lib/kernel/value/version.ts';

/**
 * Form c1 as it is on disks and in versions: value, stored bytes, canonical bytes where they differ, version.
 * A row may be added, never changed: whatever needs another encoding needs another form.
 */
const golden: readonly (readonly [value: unknown, stored: string, canonical: string, version: string])[] = [
  [null, '01f6', '', '8cb54aa16f22dace168fb0e08f5989904a6393238d44bd5ce86f0296fdb609a5'],
  [undefined, '01f7', '', '82a0972109259a008df4e8212f35c1884755071d5700f4202ffd4a4fcd7a42cd'],
  [true, '01f5', '', '673dcea23abded6dda60ed0d1ee28ec62383f1672326e4bb493742036b05d7f7'],
  [0, '0100', '', '47dc540c94ceb704a23875c11273e16bb0b8a87aed84de911f2133568115f254'],
  [-0, '01fb8000000000000000', '', '51e66fc176b274b118e72b2ca9177fd2ad59d6625760c77ea66ea93d8a750cde'],
  [42, '01182a', '', '753a766e9c02c1702d62032573e30f8e41289416dff85754f4e34697f6bd5ef9'],
  [-1.5, '01fbbff8000000000000', '', '3f842e0fff61339929051ef3a3d95058553ba0b60cdc3fee60ac0eea0c86ef96'],
  [2 ** 53 - 1, '011b001fffffffffffff', '', 'aef57d169b76ae5848b7f0bae3526edbd493987b16f5bd4d166e03359a677bfd'],
  [NaN, '01fb7ff8000000000000', '', '336c36b5bb778a8db4e8978d9c8d7dec00b0872b065a9505e705d3052bed8de7'],
  [1n, '01c24101', '', 'bf852f6f19cc1afc02861e250e64033b458a66c6dd72c601bd30414e2059b8b8'],
  [-(2n ** 64n) - 1n, '01c349010000000000000000', '', 'a55fbce3a2b2f5c294675d1a7dc75ea1222c73379d486a98aad0e49c05652baa'],
  ['né', '01636ec3a9', '', '1516a0b056fb2ebd3544005001b0e0bd4813e45c3fa927e69e5fdfa99d7087d6'],
  ['\ud800', '01d9c1014200d8', '', 'b493cf4c41aabe1ca962b60a2757a9f45aa1f6abac48e592a1a36c8954a9282f'],
  ['\ufeffa', '01d9c10144fffe6100', '', '44416044cdf328823f381a927ff24fa820e87fa7367cb5005ddacb6a6325faf7'],
  [
    { b: 1, a: [undefined, {}] },
    '01a2616201616182f7a0',
    '01a2616182f7a0616201',
    'c4aad671c2a79282d246efbde307dc0b3eb36c4fe8ccaf23be43c7569738ba7f',
  ],
  [{ ['__proto__']: null }, '01a1695f5f70726f746f5f5ff6', '', 'd18d89c5f9b611e8e4a39f9f381f8c5e5c215921ba79539e668d305387f05228'],
  [
    new Map<unknown, unknown>([
      ['b', 1],
      [2, new Map()],
    ]),
    '01d90103a261620102d90103a0',
    '01d90103a202d90103a0616201',
    '5284859cec9de28b514c85e636a64f3bb269d4181ed25f5be75021653b4436cf',
  ],
  [
    new Set(['b', 'a', 1n]),
    '01d901028361626161c24101',
    '01d901028361616162c24101',
    '5422af0363f29a9bbf2a7b06a19e88e232a9eed636d040cd7b3bad2cd24c2168',
  ],
  [new Date(0), '01d9c10000', '', 'a43c8104c0317fc64de9ce4d4cc6568593b03270966ee17c23b471dacf2b87a1'],
  [new Date(NaN), '01d9c100fb7ff8000000000000', '', 'deea1ce9770a5a772c150904e121840c33fd6313509efa66fd0bb152c45c85f8'],
  [Uint8Array.of(1, 2), '01d840420102', '', '4303d3a48f08509322128876ae446c3e90ce9de507316de434ce5a043d1f8585'],
  [Int16Array.of(-2, 1), '01d84d44feff0100', '', 'd2d68d7aa7d153dd4b09a15f1baab54c76e2b362267a53dd67b1108066975039'],
  [Float32Array.of(1.5), '01d855440000c03f', '', '84bc3e446eae975c592347e15edda992eac594b2a524a8f0f1db4711199a8f08'],
  [BigInt64Array.of(-1n), '01d84f48ffffffffffffffff', '', 'b5375e245a12dff89c084cc828ed44e6eed26fdd9f7f1780080fec59c5a5fce1'],
  [new ArrayBuffer(1), '01d9c1024100', '', 'a7305e426f140c9e9a170cb1b6992b18d9c7cb2b88d34e232dc054e7340bd2c4'],
  [
    keyed<string | number, unknown>([
      ['a', null],
      [2, { b: 1, a: 2 }],
    ]),
    '01d9c1048402a26162016161026161f6',
    '01d9c1048402a26161026162016161f6',
    'cdb3224775784604370cc95bde1aa7b31537a7697df75f62d9dc8d5fc1fa4768',
  ],
  [new DataView(new ArrayBuffer(1)), '01d9c1034100', '', '100292fd348dda8af7680ca88ca9de1e4242d739c622dcc682fae2607386183c'],
];

test.each(golden)('%o is written, hashed and read as ever', (value, stored, canonical, version) => {
  const bytes = Buffer.from(canonical === '' ? stored : canonical, 'hex');
  expect(Buffer.from(encodeValue(value)).toString('hex')).toBe(stored);
  expect(Buffer.from(canonicalBytes(value)).toString('hex')).toBe(bytes.toString('hex'));
  expect(dataVersion(value)).toBe(`sha256:${version}`);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(version);
  expect(decodeValue(Buffer.from(stored, 'hex'))).toStrictEqual(value);
});
