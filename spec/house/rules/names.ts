import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';

const vague = /^(utils?|helpers?|common|misc|shared|types|interfaces|constants)$/;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.filter(isSource).flatMap(({ path }) => {
    const parts = path.replace(/\.ts$/, '').split('/');
    return parts.flatMap((part) => {
      if (vague.test(part)) return [{ path, line: 1, message: `"${part}" says nothing, use the name of the one idea in it` }];
      return kebab.test(part) ? [] : [{ path, line: 1, message: `"${part}" is not kebab-case, use small letters and dashes` }];
    });
  });
}

/** A file is named after its one idea. */
export const names: Rule = {
  name: 'files and folders are named after what is in them',
  check,
  bad: [
    { files: { 'lib/model/types.ts': '' }, found: ['lib/model/types.ts:1'] },
    { files: { 'operators/utils/map.ts': '' }, found: ['operators/utils/map.ts:1'] },
    { files: { 'store/helpers.ts': '' }, found: ['store/helpers.ts:1'] },
    { files: { 'lib/model/assetKey.ts': '' }, found: ['lib/model/assetKey.ts:1'] },
  ],
  good: { 'lib/model/asset-key.ts': '', 'spec/laws/Odd_Name.spec.ts': '' },
};
