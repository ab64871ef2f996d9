import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import { eventually } from '@onbehalf/testkit'
import type { Page } from '@onbehalf/testkit/chromium'
import type { SignedIn } from '@onbehalf/testkit/players'
import { revokeLinks } from '../../src/revoke-link/link.ts'
import { newSubject } from '../sso/browser.ts'
import { decideAs, type Running, send, signInDevice, startFlow } from '../start.ts'

export const label = 'ada-lovelace-macbook-pro-16.department.example.com'
export const person = { name: 'Ada Lovelace' }

type Shown = { en: string; zh: string; open: (page: Page) => Promise<unknown> }

/** How each view of the page comes about, in a browser without cookies. */
export const viewsOf = ({ app, broker, publicUrl, redis, resources }: Running) => {
  const device = `${publicUrl}/device`

  const signInAs = async (page: Page, who: SignedIn): Promise<void> => {
    const [name = '', value = ''] = who.cookie.split('=')
    await page.context().addCookies([{ name, value, url: publicUrl, httpOnly: true, sameSite: 'Lax' }])
  }

  /** Opens what a member is asked. */
  const openConfirm = async (page: Page, role: 'member' | 'owner' = 'member') => {
    const who = await broker.signIn({ ...person, role })
    await signInAs(page, who)
    const ip = '2001:db8:85a3:8d3:1319:8a2e:370:7348'
    const { user_code } = await startFlow(app, { device_label: label }, ip)
    await page.goto(`${device}?user_code=${user_code}`)
    return { who, user_code }
  }

  /** Opens what somebody is asked whom an IdP identified. */
  const openIdentified = async (page: Page) => {
    const subject = await newSubject(broker, 'grace.hopper@partner.example.com')
    const { device_code, user_code } = await startFlow(app, { device_label: label }, '10.1.2.3')
    await page.goto(`${device}?user_code=${user_code}`)
    await page.context().request.get(`${device}/sso`, { maxRedirects: 0 })
    const { user_code_hash = '', nonce = '' } = broker.deviceSso.states().at(-1) ?? {}
    const assertion = await broker.deviceSso.assert({ ...subject, user_code_hash, nonce })
    await page.goto(`${publicUrl}/openapi/v1/oauth/device/sso-complete?sso_assertion=${assertion}`)
    return { device_code, user_code }
  }

  /** Opens what a link in a notification leads to. */
  const openRevokeLink = async (page: Page) => {
    const who = await broker.signIn()
    const { token_id, token } = (await signInDevice(app, who, { device_label: label })).body
    const links = revokeLinks({ publicUrl, key: resources.revokeLinkKey, now: () => new Date() })
    const sign_in = hashOf(hashOf(token))
    await page.goto(links.make({ tenant_id: who.tenant_id, id: token_id, sign_in, madeAt: new Date() }))
  }

  const deny = async (page: Page, path: string): Promise<void> => {
    await page.getByRole('button').first().click()
    await page.waitForURL(`${device}/${path}`)
  }
  const approve = async (page: Page, path: string): Promise<void> => {
    await page.getByRole('button').last().click()
    await page.waitForURL(`${device}/${path}`)
  }

  /** Each view: what it is called, and how it comes about in a browser without cookies, in any language. */
  const views: Readonly<Record<string, Shown>> = {
    'code entry': { en: 'Sign in a device', zh: '登录设备', open: (page) => page.goto(device) },
    'no code': {
      ...{ en: 'Sign in a device', zh: '登录设备' },
      open: async (page) => {
        await page.goto(device)
        await page.locator('#user_code').fill('ABC1')
        await approve(page, 'continue')
      }
    },
    chooser: {
      ...{ en: 'Sign in first', zh: '请先登录' },
      open: async (page) => page.goto(`${device}?user_code=${(await startFlow(app)).user_code}`)
    },
    organisation: {
      ...{ en: 'Which organisation?', zh: '您属于哪个组织？' },
      open: async (page) => {
        broker.deviceSso.fail(new ReportedError('not_found', 'There is no such organisation.'))
        await page.goto(`${device}?user_code=${(await startFlow(app)).user_code}`)
        await page.goto(`${device}/sso`)
      }
    },
    'authorize member': { en: 'Did you start this?', zh: '这是您本人发起的吗？', open: openConfirm },
    'authorize sso': { en: 'Did you start this?', zh: '这是您本人发起的吗？', open: openIdentified },
    success: {
      ...{ en: 'Device signed in', zh: '设备已登录' },
      open: async (page) => {
        await openConfirm(page)
        await approve(page, 'approved')
      }
    },
    denied: {
      ...{ en: 'Request denied', zh: '已拒绝请求' },
      open: async (page) => {
        await openConfirm(page)
        await deny(page, 'denied')
      }
    },
    expired: {
      ...{ en: 'This code does not work', zh: '此代码无效' },
      open: (page) => page.goto(`${device}?user_code=AAAA-AAAA`)
    },
    'already decided': {
      ...{ en: 'Already decided', zh: '已作出决定' },
      open: async (page) => {
        const { who, user_code } = await openConfirm(page)
        await decideAs(app, 'deny', who, user_code)
        await approve(page, 'decide')
      }
    },
    'rate limited': {
      ...{ en: 'Too many attempts', zh: '尝试次数过多' },
      open: async (page) => {
        const guess = () => send(app, 'GET', '/device', { headers: { cookie: 'onbehalf_device_code=AAAA-AAAA' } })
        await eventually(guess, ({ status }) => status === 429)
        await page.goto(`${device}?user_code=AAAA-AAAA`)
        for (const key of await redis.keys('device-auth:limit:*')) await redis.del(key)
      }
    },
    'lookup failed': {
      ...{ en: 'Something went wrong', zh: '出错了' },
      open: async (page) => {
        broker.failFindUser(new ReportedError('unavailable', 'Away.'))
        await openConfirm(page)
      }
    },
    'sso over': {
      ...{ en: 'Your sign-in has ended', zh: '登录已失效' },
      open: async (page) => {
        await openIdentified(page)
        await page.context().clearCookies()
        await approve(page, 'sso/decide')
      }
    },
    'sso failed': {
      ...{ en: 'Single sign-on did not work', zh: '单点登录失败' },
      open: (page) => page.goto(`${device}?sso_error=sso_failed`)
    },
    'sso is member': {
      ...{ en: 'You have an account here', zh: '您在此处已有账号' },
      open: (page) => page.goto(`${device}?sso_error=email_belongs_to_member`)
    },
    'out of date': {
      ...{ en: 'This page is out of date', zh: '此页面已失效' },
      open: async (page) => {
        await openConfirm(page)
        await page.evaluate("document.querySelector('[name=csrf_token]').value = 'x'")
        await approve(page, 'decide')
      }
    },
    'signed out': {
      ...{ en: 'This page was open for a while', zh: '此页面已打开太久' },
      open: async (page) => {
        await openConfirm(page)
        await page.context().clearCookies()
        await deny(page, 'decide')
      }
    },
    'not fresh': {
      ...{ en: 'Sign in again first', zh: '请先重新登录' },
      open: async (page) => {
        const { who } = await openConfirm(page, 'owner')
        const settings = { method: 'PATCH', url: '/v1/device-settings', headers: who.headers } as const
        await app.inject({ ...settings, payload: { approval_max_age: 300 } })
        await page.reload()
      }
    },
    'sign out?': { en: 'Sign this device out?', zh: '要让此设备退出登录吗？', open: openRevokeLink },
    'signed out by link': {
      ...{ en: 'Device signed out', zh: '设备已退出登录' },
      open: async (page) => {
        await openRevokeLink(page)
        await approve(page, 'revoke')
      }
    },
    'a link of nobody': {
      ...{ en: 'This link does nothing', zh: '此链接无效' },
      open: (page) => page.goto(`${device}/revoke?link=x`)
    }
  }
  return { views, signInAs, openConfirm, openIdentified }
}
