import { en } from './texts/en.ts'
import type { Texts } from './texts/texts.ts'
import { zhHans } from './texts/zh-hans.ts'

/** The languages of the page as BCP 47 names them, the one for everybody else first. */
export const languages = { en, 'zh-Hans': zhHans } as const satisfies Record<string, Texts>
export type Language = keyof typeof languages

// Who reads any Chinese gets what there is.
const byPrimaryTag: ReadonlyMap<string, Language> = new Map([
  ['en', 'en'],
  ['zh', 'zh-Hans']
])
const all: readonly Language[] = [...byPrimaryTag.values()]

/** The language that an Accept-Language header (RFC 9110 §12.5.4) likes best; English where it says nothing of ours. */
export const languageFor = (header: string | undefined): Language => {
  const ranges = (header ?? '').split(',').flatMap(readRange)
  const wanted = all.map((language) => ({ language, weight: weightOf(language, ranges) }))
  const best = wanted.reduce((one, other) => (isBetter(other.weight, one.weight) ? other : one))
  return best.language
}

type Range = { tag: string; quality: number; place: number }
type Weight = Pick<Range, 'quality' | 'place'>

const readRange = (text: string, place: number): Range[] => {
  const [, tag, quality = '1'] =
    /^\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i.exec(text) ?? []
  return tag ? [{ tag: tag.toLowerCase(), quality: Number(quality), place }] : []
}

const nothing: Weight = { quality: 0, place: Number.POSITIVE_INFINITY }

// What names the language counts, and only without that the range that is for all others.
const weightOf = (language: Language, ranges: readonly Range[]): Weight => {
  const named = ranges.filter(({ tag }) => byPrimaryTag.get(tag.split('-')[0] ?? '') === language)
  const counting = named.length > 0 ? named : ranges.filter(({ tag }) => tag === '*')
  return counting.reduce<Weight>((one, other) => (isBetter(other, one) ? other : one), nothing)
}

// Of two that are liked as much, the one that was named first.
const isBetter = (one: Weight, other: Weight): boolean =>
  one.quality > other.quality || (one.quality === other.quality && one.quality > 0 && one.place < other.place)
