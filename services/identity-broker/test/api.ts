import type { Broker, SignedIn } from './start.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
export type Answer = { status: number; body: any }

/** Asks the API as somebody who is signed in, with what their pages send along. */
export const apiOf =
  ({ publicUrl }: Pick<Broker, 'publicUrl'>) =>
  async (who: SignedIn, method: string, path: string, json?: object): Promise<Answer> => {
    const visit = { method, headers: { 'x-csrf-token': who.csrf }, ...(json ? { json } : {}) }
    const { status, body } = await who.browser.visit(`${publicUrl}${path}`, visit)
    return { status, body: body === '' ? undefined : JSON.parse(body) }
  }
