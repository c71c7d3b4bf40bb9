/** A rule of links, and how it is taken out of the machine: a text in a file and what replaces it. */
export interface Rule {
  /** What the machine does as long as the rule is there. */
  readonly rule: string
  readonly file: string
  readonly without: readonly (readonly [from: string, to: string])[]
  /** Kinds of schedules in which it is missed; all if left out. */
  readonly scenarios?: readonly string[]
}

export const rules: readonly Rule[] = [
  {
    rule: 'a key belongs to the session that the last Introduction named',
    file: 'peer-links.ts',
    without: [['this.#keys.get(key)?.session === session &&', 'this.#keys.has(key) &&']],
    scenarios: ['tabs', 'tabsClose', 'reloads'],
  },
  {
    rule: 'a key that goes to another session of the peer leaves its link',
    file: 'peer-links.ts',
    without: [['if (other !== session) link.loseKeys(wanted)', 'void [other, link]']],
    scenarios: ['tabs', 'tabsClose'],
  },
  {
    rule: 'Replaced: keys of another session of this end are neither dialled nor open',
    file: 'links.ts',
    without: [['for (const peer of this.#peers.values()) peer.replaced(keys)', 'void keys']],
    scenarios: ['tabs', 'tabsClose'],
  },
  {
    rule: 'a raw key is no candidate',
    file: 'peer-links.ts',
    without: [[' && !this.#raw.has(key)', '']],
    scenarios: ['plainServer'],
  },
  {
    rule: 'what a session before this Welcome was told counts only until it is settled',
    file: 'peer-links.ts',
    without: [['(isOld ? [key] : [])', '(isOld ? [] : [])']],
    scenarios: ['introductions', 'three'],
  },
  {
    rule: 'one more key is dialled every 2 s',
    file: 'dialling.ts',
    without: [['this.#pending.size < mostDials', 'false']],
    scenarios: ['refusals'],
  },
  {
    rule: 'only the newest dial of a key counts',
    file: 'dialling.ts',
    without: [
      ['return this.#pending.get(dial.key) === dial', 'return this.#pending.has(dial.key)'],
    ],
  },
  {
    rule: 'a dial that is not paired is replaced, for it may be dead without a word',
    file: 'dialling.ts',
    without: [['if (dial.madeAt > longAgo || dial.hello) continue', 'continue']],
  },
  {
    rule: 'dials that are not paired are given up when there is a transport',
    file: 'dialling.ts',
    without: [['if (!dial.hello) this.drop(dial)', 'void dial']],
  },
  {
    rule: 'before the first pairing the least key is dialled',
    file: 'dialling.ts',
    without: [
      [
        '(least === undefined || isLess(key, least))',
        '(least === undefined || this.outside.random() < 0.5)',
      ],
    ],
    scenarios: ['manyKeys'],
  },
  {
    rule: 'the path key is dialled only while it is shared',
    file: 'dialling.ts',
    without: [['this.target.isCandidate(this.#pathKey) ?', 'true ?']],
    scenarios: ['tabs', 'keys', 'keysAndCuts'],
  },
  {
    rule: 'a life begins after the grace',
    file: 'link.ts',
    without: [
      [
        "start('grace', this.settings.grace, () => this.#lost())",
        "start('grace', this.settings.grace, () => this.#end({ code: 1006, reason: '', why: 'lost' }, 4000))",
      ],
    ],
  },
  {
    rule: 'the app is told nothing during the grace',
    file: 'link.ts',
    without: [["start('grace', this.settings.grace,", "start('grace', 1,"]],
    scenarios: ['shortCuts'],
  },
  {
    rule: '`again` asks the peer for a sign of life',
    file: 'link.ts',
    without: [['if (again) this.probe()', 'void again']],
  },
  {
    rule: 'the hello is judged at the first record, by the state of that moment',
    file: 'link.ts',
    without: [
      ['if (!dial.isAttached && !this.#attach(dial)) return', 'if (!dial.isAttached) return'],
      [
        '    this.#openAll(dial.key)\n    this.#scheduleFlush()',
        '    this.#attach(dial)\n    this.#scheduleFlush()',
      ],
    ],
  },
  {
    rule: 'an acknowledgement goes out at once when a dial is paired',
    file: 'link.ts',
    without: [['    this.#life.greet(dial.line)\n', '']],
  },
  {
    rule: 'a paired dial without a record of the peer is given up',
    file: 'link.ts',
    without: [['if (dial.isAttached || !this.#dialling.isPending(dial)) return', 'return']],
  },
  {
    rule: 'state decides: a dial that ends is followed by another',
    file: 'link.ts',
    without: [
      [
        '      if (!this.#hasTransport) this.#isWaiting(code)\n    }\n    this.update()',
        '      if (!this.#hasTransport) this.#isWaiting(code)\n    }',
      ],
    ],
  },
  {
    rule: 'an older transport on which nothing comes is closed',
    file: 'transports.ts',
    without: [['    this.#dropSilent()\n  }\n\n  /** One has ended', '  }\n\n  /** One has ended']],
  },
  {
    rule: 'a transport in doubt does not count as one',
    file: 'transports.ts',
    without: [['return this.#all.length > 0 && !this.#isDoubted', 'return this.#all.length > 0']],
  },
  {
    rule: 'a transport in doubt ends if there is no key to dial',
    file: 'link.ts',
    without: [['      this.#transports.close(4000)\n      this.#isWaiting(1006)\n', '']],
  },
  {
    rule: 'a peer that has left all keys is asked for a sign of life',
    file: 'link.ts',
    without: [['if (!this.keys.hasAny()) this.probe()', '']],
    scenarios: ['three', 'keysAndCuts'],
  },
  {
    rule: 'a link without shared keys and channels is closed',
    file: 'link.ts',
    without: [['if (!this.#isIdle) return', 'return']],
    scenarios: ['keys', 'tabs'],
  },
  {
    rule: 'a ping is sent when nothing comes and something is not acknowledged',
    file: 'liveness.ts',
    without: [['if (left <= 0) this.ask()', '']],
  },
  {
    rule: 'no ping is answered by silence',
    file: 'life.ts',
    without: [['line.send(recordOf(notice(Notice.pong)))', 'void 0']],
    scenarios: ['healthyProbes'],
  },
  {
    rule: 'a hello between other sessions is stale',
    file: 'verdict.ts',
    without: [['hello.session !== session || hello.to !== own || ', '']],
    scenarios: ['calmTabs'],
  },
  {
    rule: 'a hello that names an earlier life of mine is stale',
    file: 'verdict.ts',
    without: [["return peerLife.count < life.count ? 'stale' : 'other'", "return 'first'"]],
  },
  {
    rule: 'what was sent to one life of the peer is not sent to another',
    file: 'verdict.ts',
    without: [
      [
        "promised && promised.text !== hello.life.text ? 'other' : 'first'",
        "promised ? 'first' : 'first'",
      ],
    ],
    scenarios: ['lives', 'calmTabs'],
  },
  {
    rule: 'a hello that names no life resumes',
    file: 'verdict.ts',
    without: [
      ['peerLife === undefined || peerLife.text === life.text', 'peerLife?.text === life.text'],
    ],
  },
  {
    rule: 'another life of the peer ends this one',
    file: 'verdict.ts',
    without: [["'resumed' : 'other'", "'resumed' : 'resumed'"]],
  },
  {
    rule: 'a number that has come before is dropped',
    file: 'incoming.ts',
    without: [
      [
        'if (number < this.expected) return false\n',
        'if (number < this.expected) { deliver(frame); return false }\n',
      ],
    ],
  },
  {
    rule: 'what is not acknowledged is sent again on another transport',
    file: 'life.ts',
    without: [
      [
        'const record = this.outgoing.record(',
        'line.cursor.counted ?? (line.cursor.next = this.outgoing.next)\n      const record = this.outgoing.record(',
      ],
    ],
  },
  {
    rule: '`from` says which number comes next',
    file: 'outgoing.ts',
    without: [
      [
        'const from = cursor.next === cursor.counted ? undefined',
        'const from = cursor.counted !== undefined ? undefined',
      ],
    ],
  },
  {
    rule: 'the totals of all channels go with the first acknowledgement on a transport',
    file: 'life.ts',
    without: [
      [
        'const totals = this.channels.takeGrants(true)\n',
        'const totals: [number, number][] = []\n',
      ],
      ['    this.#isDue = true\n    this.#withAll = true\n', '    this.#isDue = true\n'],
    ],
    scenarios: ['readers', 'cuts'],
  },
  {
    rule: 'control frames go before data',
    file: 'outgoing.ts',
    without: [
      ['this.#control.shift() ?? this.#fromTurns()', 'this.#fromTurns() ?? this.#control.shift()'],
    ],
  },
  {
    rule: 'fragments of a large message count as consumed',
    file: 'reception.ts',
    without: [['else this.consume(receiver, receiver.release())', '']],
    scenarios: ['readers'],
  },
  {
    rule: 'the next large message is assembled when one was consumed',
    file: 'reception.ts',
    without: [['if (this.#assembling === receiver && isOver) this.#next()', '']],
    scenarios: ['readers'],
  },
  {
    rule: 'a close follows what was queued',
    file: 'send-queue.ts',
    without: [
      [
        'if (!payload || this.#messages.length > 0) return undefined',
        'if (!payload) return undefined',
      ],
    ],
  },
  {
    rule: 'a close is answered',
    file: 'channels.ts',
    without: [
      ["      this.outgoing.control(channel.number, Kind.close, encodeClose(1000, ''))\n", ''],
    ],
  },
  {
    rule: 'a close of a channel that this end has not is answered by refuse',
    file: 'channels.ts',
    without: [
      [
        'if (!channel) this.outgoing.control(receiver.channel, Kind.refuse, nothing)',
        'if (!channel) void 0',
      ],
    ],
    scenarios: ['keys', 'keysAndCuts', 'three', 'callbacks'],
  },
  {
    rule: 'a key is not opened again before its close was answered',
    file: 'channels.ts',
    without: [
      [
        '    channel.ending = ending\n    if (channel.receiver)',
        '    channel.ending = ending\n    this.#byKey.delete(channel.key)\n    if (channel.receiver)',
      ],
    ],
    scenarios: ['keys', 'keysAndCuts', 'callbacks'],
  },
  {
    rule: 'a key is opened again once its close was answered',
    file: 'channels.ts',
    without: [['if (this.handler.isShared(channel.key)) this.open(channel.key)', '']],
    scenarios: ['keysAndCuts', 'keys', 'callbacks'],
  },
  {
    rule: 'an open that comes before this end wants the key waits',
    file: 'channels.ts',
    without: [
      [
        '    const opened = this.#openedByKey.get(key)\n',
        '    const opened = undefined as Opened | undefined\n',
      ],
    ],
  },
  {
    rule: 'an open of a shared key is answered by open, though the Introduction is older',
    file: 'channels.ts',
    without: [['else if (!channel && this.handler.isShared(key)) this.open(key)', '']],
    scenarios: ['keysAndCuts', 'callbacks', 'keys'],
  },
  {
    rule: 'an answered close goes out before the next open',
    file: 'channels.ts',
    without: [
      [
        '    this.outgoing.drop(channel.queue)\n    this.#ended(channel, channel.ending!)',
        '    this.#ended(channel, channel.ending!)',
      ],
    ],
    scenarios: ['keysAndCuts', 'callbacks'],
  },
]
