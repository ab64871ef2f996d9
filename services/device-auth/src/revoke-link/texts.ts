import type { Language } from '../page/language.ts'

/** What the page of a revoke link says. */
export type RevokeTexts = Record<'title' | 'text' | 'device' | 'program' | 'until' | 'go', string> &
  Record<'ended' | 'endedText' | 'nothing' | 'unknown' | 'failed', string>

export const revokeTexts: Readonly<Record<Language, RevokeTexts>> = {
  en: {
    title: 'Sign this device out?',
    text: 'Its token ends at once, for whoever has it. The device can sign in again with a new code.',
    device: 'Device',
    program: 'Program',
    until: 'Signed in until',
    go: 'Sign it out',
    ended: 'Device signed out',
    endedText: 'That sign-in is over. You can close this page.',
    nothing: 'This link does nothing',
    unknown: 'It is not one of ours, or older than seven days. Ask an administrator.',
    failed: 'It did not work this time, and nothing was changed. Try again in a moment.'
  },
  'zh-Hans': {
    title: '要让此设备退出登录吗？',
    text: '它的令牌会立即失效，无论在谁手中。该设备可以用新的代码重新登录。',
    device: '设备',
    program: '程序',
    until: '登录有效期至',
    go: '退出登录',
    ended: '设备已退出登录',
    endedText: '该次登录已结束。您可以关闭此页面。',
    nothing: '此链接无效',
    unknown: '它不是我们发出的链接，或已超过七天。请联系管理员。',
    failed: '这次没有成功，未作任何更改。请稍后再试。'
  }
}
