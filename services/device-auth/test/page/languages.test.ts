import { ReportedError } from '@onbehalf/errors'
import { eventually } from '@onbehalf/testkit'
import t from 'tap'
import { startCutReplica } from '../cut-proxy.ts'
import { type Answer, decideAs, lookUp, send, startFlow } from '../start.ts'
import { form, startPage } from './start.ts'

const running = await startPage(t)
const { app, broker, identify, unlicensed } = running

t.test('the page speaks the language that is liked best, of those it has', async (t) => {
  const expected: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['fr-FR, de;q=0.8', 'en'],
    ['en-US, en;q=0.9, zh-CN;q=0.8', 'en'],
    ['zh-CN', 'zh-Hans'],
    ['ZH-Hans-SG ; q=0.9 , EN ; q=0.8', 'zh-Hans'],
    ['zh-Hant-TW, zh;q=0.9, en;q=0.8', 'zh-Hans'],
    ['zh;q=0.7, en;q=0.8', 'en'],
    ['en;q=0.8, zh;q=0.8', 'en'],
    ['zh;q=0.8, en;q=0.8', 'zh-Hans'],
    ['fr, zh;q=0.3', 'zh-Hans'],
    ['en;q=0, *;q=0.1', 'zh-Hans'],
    ['zh;q=0, en;q=0', 'en'],
    ['zh;q=2, en;q=0.1', 'en'],
    ['zha, en;q=0.1', 'en'],
    [`${'zh-'.repeat(4000)}`, 'en']
  ]
  for (const [header, language] of expected) {
    const { body, headers } = await send(
      app,
      'GET',
      '/device',
      header === undefined ? {} : { headers: { 'accept-language': header } }
    )
    t.equal(/<html lang="([^"]+)">/.exec(body)?.[1], language, header?.slice(0, 40) ?? 'nothing')
    t.match(headers, { 'content-language': language, vary: /accept-language/i })
  }
})

/** The same asked for in each language: how it is answered, and what the page is called. */
const inEachLanguage = async (ask: (language: string) => Promise<Answer>) => {
  const read = async (language: string) => {
    const { status, body, headers } = await ask(language)
    return { status, title: /<h1[^>]*>([^<]+)</.exec(body)?.[1], language: headers['content-language'] }
  }
  return { en: await read('en'), zh: await read('zh') }
}

t.test('every view is there in both languages, with the status of what happened', async (t) => {
  const who = await broker.signIn()
  const kept = (code: string) => `onbehalf_device_code=${code}`
  const get =
    (path: string, cookie = '', from = app, before = () => {}) =>
    (language: string) => {
      before()
      return send(from, 'GET', path, { headers: { 'accept-language': language, cookie } })
    }
  const post =
    (path: string, fields: Record<string, string>, from = app) =>
    (language: string) =>
      send(from, 'POST', path, {
        headers: { ...form, 'accept-language': language, cookie: fields.cookie ?? '' },
        body: new URLSearchParams(fields).toString()
      })
  const decision = { decision: 'approved', csrf_token: who.csrf, cookie: who.cookie }
  const pending = (await startFlow(app)).user_code
  const decided = (await startFlow(app)).user_code
  await decideAs(app, 'deny', who, decided)
  const stranger = await broker.signIn({ role: null })
  const { proxy, cut } = await startCutReplica(t, running)
  const lost = async (language: string) => {
    const { user_code } = await startFlow(app)
    await eventually(
      () => lookUp(cut, user_code),
      ({ status }) => status === 200,
      60
    )
    proxy.cutAnswersTo('approved', 1_000)
    const answer = await post('/device/decide', { ...decision, user_code }, cut)(language)
    proxy.cutAnswersTo('approved', 0)
    return answer
  }
  const away = async (language: string) => {
    broker.failFindUser(new ReportedError('unavailable', 'Away.'))
    const { cookie } = await broker.signIn()
    return get('/device', `${cookie}; ${kept(pending)}`)(language)
  }
  const noPlace = () => broker.deviceSso.fail(new ReportedError('not_found', 'There is no such organisation.'))
  const { browser } = await identify(await startFlow(app))
  const identified = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const views: [(language: string) => Promise<Answer>, number, string, string][] = [
    [get('/device'), 200, 'Sign in a device', '登录设备'],
    [post('/device/continue', { user_code: 'no' }), 400, 'Sign in a device', '登录设备'],
    [get('/device/choose', kept(pending)), 200, 'Sign in first', '请先登录'],
    [get('/device', `${who.cookie}; ${kept(pending)}`), 200, 'Did you start this?', '这是您本人发起的吗？'],
    [get('/device/approved'), 200, 'Device signed in', '设备已登录'],
    [get('/device/denied'), 200, 'Request denied', '已拒绝请求'],
    [get('/device/sso', kept(pending), app, noPlace), 200, 'Which organisation?', '您属于哪个组织？'],
    [get('/device', identified), 200, 'Did you start this?', '这是您本人发起的吗？'],
    [get('/device', 'onbehalf_device_failure=sso_failed'), 400, 'Single sign-on did not work', '单点登录失败'],
    [
      get('/device', 'onbehalf_device_failure=email_belongs_to_member'),
      403,
      'You have an account here',
      '您在此处已有账号'
    ],
    [post('/device/sso/decide', { ...decision, user_code: pending }), 401, 'Your sign-in has ended', '登录已失效'],
    [get('/device', kept('AAAA-AAAA')), 404, 'This code does not work', '此代码无效'],
    [post('/device/decide', { ...decision, user_code: decided }), 409, 'Already decided', '已作出决定'],
    [lost, 503, 'Look at your device', '请查看您的设备'],
    [away, 503, 'Something went wrong', '出错了'],
    [get('/device', `${stranger.cookie}; ${kept(pending)}`, unlicensed), 403, 'Members only', '仅限成员'],
    [
      post('/device/decide', { ...decision, user_code: pending, csrf_token: 'x' }),
      403,
      'This page is out of date',
      '此页面已失效'
    ],
    [
      post('/device/decide', { user_code: pending, decision: 'denied' }),
      401,
      'This page was open for a while',
      '此页面已打开太久'
    ]
  ]
  for (const [ask, status, en, zh] of views)
    t.same(await inEachLanguage(ask), {
      en: { status, title: en, language: 'en' },
      zh: { status, title: zh, language: 'zh-Hans' }
    })
})
