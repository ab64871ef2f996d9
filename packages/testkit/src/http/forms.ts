/** A button that sends its form; without a name it adds nothing. */
export type FormButton = { name: string | undefined; value: string; label: string }

/** A form of a page, ready to be sent with the values it came with. */
export type Form = {
  action: string | undefined
  method: 'GET' | 'POST'
  attributes: Record<string, string>
  /** Inputs, selects and text areas, as a browser would send them untouched. */
  values: Record<string, string>
  names: string[]
  buttons: FormButton[]
}

/** The forms of a page. Reads the HTML our pages and the IdP's are made of; it is no HTML parser. */
export const parseForms = (html: string): Form[] =>
  [...html.replace(/<!--.*?-->/gs, '').matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].map(([, head = '', inner = '']) => {
    const attributes = parseAttributes(head)
    const form: Form = {
      action: attributes.action,
      method: attributes.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      attributes,
      values: {},
      names: [],
      buttons: []
    }
    readInputs(form, inner)
    readButtons(form, inner)
    return form
  })

const sending: ReadonlySet<string> = new Set(['submit', 'image'])
const silent: ReadonlySet<string> = new Set(['button', 'reset', 'file'])

const readInputs = (form: Form, html: string): void => {
  for (const [, head = ''] of html.matchAll(/<input\b((?:"[^"]*"|'[^']*'|[^>"'])*)>/gi)) {
    const { name, type = 'text', value = '', ...rest } = parseAttributes(head)
    if (sending.has(type)) form.buttons.push({ name, value, label: value })
    else if (name !== undefined && !silent.has(type)) {
      form.names.push(name)
      const isTick = type === 'checkbox' || type === 'radio'
      if (!isTick) form.values[name] = value
      else if ('checked' in rest) form.values[name] = value || 'on'
    }
  }
  for (const [, head = '', text = ''] of html.matchAll(/<textarea\b([^>]*)>(.*?)<\/textarea>/gis)) {
    addField(form, parseAttributes(head).name, decodeEntities(text))
  }
  for (const [, head = '', inner = ''] of html.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gis)) {
    const options = [...inner.matchAll(/<option\b([^>]*)>([^<]*)/gi)].map(([, option = '', text = '']) => {
      const attributes = parseAttributes(option)
      return { value: attributes.value ?? decodeEntities(text.trim()), isSelected: 'selected' in attributes }
    })
    addField(
      form,
      parseAttributes(head).name,
      (options.find(({ isSelected }) => isSelected) ?? options[0])?.value ?? ''
    )
  }
}

const addField = (form: Form, name: string | undefined, value: string): void => {
  if (name === undefined) return
  form.names.push(name)
  form.values[name] = value
}

const readButtons = (form: Form, html: string): void => {
  for (const [, head = '', inner = ''] of html.matchAll(/<button\b([^>]*)>(.*?)<\/button>/gis)) {
    const { name, value = '', type = 'submit' } = parseAttributes(head)
    const label = decodeEntities(inner.replace(/<[^>]*>/g, '')).trim()
    if (type === 'submit') form.buttons.push({ name, value, label })
  }
}

const parseAttributes = (head: string): Record<string, string> => {
  const attributes: Record<string, string> = {}
  const pattern = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g
  for (const [, name = '', double, single, bare] of head.matchAll(pattern)) {
    attributes[name.toLowerCase()] = decodeEntities(double ?? single ?? bare ?? '')
  }
  return attributes
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

const decodeEntities = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return named[name] ?? whole
  })
