import type { ToolDecoration } from '@onbehalf/contracts'
import { isJson, type Json, type McpTool } from '@onbehalf/mcp'
import { excessOf } from './excess.ts'

type Fault = { member: string; reason: string }

const kilobytesMax = 16
// What we say in answers of our own.
const ownKey = /^onbehalf\//i
const taskWords: readonly unknown[] = ['forbidden', 'optional', 'required']

/** What of it is passed on; what is not is left out by its member, and the tool stays. */
export const decorationOf = ({ icons, _meta, execution }: McpTool): { kept: ToolDecoration; faults: Fault[] } => {
  const faults: Fault[] = []
  // As it came: to sort out what is fit of it is work as well.
  const isSmall = (member: string, value: unknown): boolean => {
    const excess = excessOf(value, kilobytesMax)
    if (excess) faults.push({ member, reason: excess })
    return !excess
  }
  const listed = Array.isArray(icons) && isSmall('icons', icons) ? icons : []
  const pictures = listed.filter(isJson).filter(isPicture).map(pictureOf)
  if (pictures.length < listed.length)
    faults.push({ member: 'icons', reason: 'has one without an https: or data:image/ address' })
  const meta = isJson(_meta) && isSmall('_meta', _meta) ? withoutOwnKeys(_meta) : {}
  const kept = {
    ...(pictures.length > 0 && { icons: pictures }),
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
    // Nobody reviews more of it.
    ...(isJson(execution) &&
      taskWords.includes(execution.taskSupport) && { execution: { taskSupport: execution.taskSupport } })
  }
  return { kept, faults }
}

/** Whoever lists them may show them: none runs a script, reads a file, or is fetched in clear. */
const isPicture = ({ src }: Json): boolean =>
  typeof src === 'string' && (/^data:image\//i.test(src) || (/^https:/i.test(src) && URL.canParse(src)))

/** What MCP knows of an icon, where it is of the kind that MCP says: a client may refuse a whole list for less. */
const pictureOf = ({ src, mimeType, sizes, theme }: Json): Json => ({
  src,
  ...(typeof mimeType === 'string' && { mimeType }),
  ...(Array.isArray(sizes) && sizes.every((size) => typeof size === 'string') && { sizes }),
  ...((theme === 'light' || theme === 'dark') && { theme })
})

const withoutOwnKeys = (meta: Json): Json =>
  Object.fromEntries(Object.entries(meta).filter(([key]) => !ownKey.test(key)))
