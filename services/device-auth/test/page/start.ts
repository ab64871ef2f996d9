import { createBrowser } from '@onbehalf/testkit/http'
import type { SignedIn } from '@onbehalf/testkit/players'
import type { Test } from 'tap'
import { completeAs, newSubject, openBrowser as openSsoBrowser } from '../sso/browser.ts'
import { type Started, startService } from '../start.ts'

export const form = { 'content-type': 'application/x-www-form-urlencoded' }

// identity-broker's pages are not there: the browser stops where it would go to them.
export const follow = (to: URL) => !to.pathname.startsWith('/auth/')

/** device-auth with its page, and browsers of people who are signed in, or whom an IdP identified. */
export const startPage = async (t: Test) => {
  const running = await startService(t)
  const { app, broker, publicUrl, startReplica } = running
  await app.listen({ host: '127.0.0.1', port: Number(new URL(publicUrl).port) })
  return {
    ...running,
    device: `${publicUrl}/device`,
    unlicensed: await startReplica({ environment: { LICENCE_STATE: 'none' } }),
    openBrowser: (who?: SignedIn) => {
      const browser = createBrowser()
      t.teardown(browser.close)
      if (who) browser.cookies.store(new URL(publicUrl), [`${who.cookie}; Path=/; HttpOnly`])
      return browser
    },
    /** The browser of somebody an IdP identified for a code. */
    identify: async (started: Started) => {
      const subject = await newSubject(broker)
      const browser = openSsoBrowser(app)
      browser.cookies.set('onbehalf_device_code', started.user_code)
      await browser.ask('GET', '/device/sso')
      const { nonce = '', user_code_hash = '' } = broker.deviceSso.states().at(-1) ?? {}
      const back = await completeAs(broker, subject, { browser, started, flow: { nonce, user_code_hash } })
      return { browser, email: subject.email, back }
    }
  }
}
