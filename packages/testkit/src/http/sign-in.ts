import type { Browser, Page, Visit } from './browser.ts'

export type SignIn = {
  /** A user's subject or e-mail. */
  login: string
  password?: string
  /** What to say on the consent page. */
  decision?: 'allow' | 'deny'
  /** Where redirects are followed to; everywhere when left out. */
  follow?: NonNullable<Visit['follow']>
}

/** Goes to an address and through the test IdP's sign-in and consent pages, wherever they come; returns what follows. */
export const signIn = async (browser: Browser, startUrl: string | URL, who: SignIn): Promise<Page> => {
  const pagesMax = 6
  const { login, password = '', decision = 'allow' } = who
  // Left out, the browser's own habit holds.
  const along = who.follow === undefined ? {} : { follow: who.follow }
  let page = await browser.visit(startUrl, along)
  const hops = [...page.hops]
  for (let shown = 0; shown < pagesMax; shown += 1) {
    const form = page.forms().find(({ attributes }) => 'data-idp' in attributes)
    if (!form) return { ...page, hops }
    if (page.body.includes('role="alert"')) throw new Error(`the IdP refuses ${login}`)
    page =
      form.attributes['data-idp'] === 'login'
        ? await browser.submit(page, form, { values: { login, password }, ...along })
        : await browser.submit(page, form, { button: { name: 'decision', value: decision }, ...along })
    hops.push(...page.hops)
  }
  throw new Error(`still at the IdP after ${pagesMax} pages: ${page.url}`)
}
