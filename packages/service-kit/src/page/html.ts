/** Text that is HTML already. */
export type Html = { html: string }

type Part = Html | string | number | readonly Html[]

/** HTML in which everything that is put in is text, unless it is HTML itself. */
export const html = (texts: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  html: texts.reduce((all, text, index) => `${all}${render(parts[index - 1] ?? '')}${text}`)
})

const render = (part: Part): string => {
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part))
  return 'html' in part ? part.html : part.map(({ html }) => html).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

const escapeText = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
