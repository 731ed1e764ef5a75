/** What the server, or the way to it, has against a request. `status` is 0 where no answer came; `message`, one line of
 * the server's, may be empty; `wait`: the seconds to leave before another try. */
export class Problem extends Error {
  constructor(status, message = "", wait = 0) {
    super(message);
    Object.assign(this, { status, wait });
  }
}

/** @typedef {{account: string, csrf: string}} Cookie What stands for a token where a cookie, which no script can see,
 * has signed somebody in: whom, and the secret that shows a request to be a page's of theirs. */

/** The account that a token speaks for. Unverified, so only ever compared with another token's. */
function accountOf(token) {
  if (token.csrf) return token.account;
  try {
    const [, payload] = token.split(".");
    return JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch (_) {
    return undefined;
  }
}

/** The headers that show who asks. @param {string|Cookie} token */
export const proof = (token) => (token.csrf ? { "X-CSRF-Token": token.csrf } : { Authorization: `Bearer ${token}` });

/** One account's way to the server. The token is kept here alone; what comes after the session ended is dropped. */
export class Session {
  /**
   * @param {(account: ?string) => Promise<string|Cookie>} getToken asked when a token is needed, and again when one is no
   *   longer accepted, with the account that it was for
   * @param {string} server the server's origin
   * @param {(token: string|Cookie) => void} changed given a token that is another account's; this session is over then
   */
  constructor(getToken, server, changed) {
    Object.assign(this, { getToken, server, changed, token: null, account: null, renewing: null, round: 0 });
    this.controller = new AbortController();
  }

  get ended() {
    return this.controller.signal.aborted;
  }

  /** Give up whatever is under way. */
  end() {
    this.token = null;
    this.controller.abort();
  }

  /** Ask for a token anew. @returns {Promise<string|Cookie>} */
  renew() {
    const done = () => this.renewing === renewing && (this.renewing = null);
    const renewing = this.renewing || this.fetchToken().finally(done);
    this.renewing = renewing;
    return renewing;
  }

  /** Take nothing for granted any more: somebody else may have signed in. A token that is on its way is not used. */
  forget() {
    Object.assign(this, { token: null, renewing: null, round: this.round + 1 });
  }

  async fetchToken() {
    const { round } = this;
    this.token = null;
    const token = await Promise.resolve(this.account).then(this.getToken).catch(() => null);
    if (round !== this.round) return this.renew();
    const account = token && accountOf(token);
    if (this.ended || !account) throw new Problem(401);
    if (this.account !== null && account !== this.account) {
      this.end();
      this.changed(token);
      throw new Problem(401);
    }
    Object.assign(this, { token, account });
    return token;
  }

  /**
   * A response with a status of success; Problem: anything else.
   * @param {string} path below the server's address
   * @param {{method?: string, headers?: object, body?: object}} options `body` is sent as JSON
   * @returns {Promise<Response>}
   */
  async fetch(path, options) {
    const given = this.token || (await this.renew());
    try {
      return await this.send(path, given, options);
    } catch (problem) {
      if (problem.status !== 401 || this.ended) throw problem;
      // Another call may have been given a newer one since.
      const newer = this.token !== given && this.token;
      return this.send(path, newer || (await this.renew()), options);
    }
  }

  async send(path, token, { method, headers, body } = {}) {
    const about = { ...proof(token), ...(body && { "Content-Type": "application/json" }), ...headers };
    const text = body && JSON.stringify(body);
    const sent = fetch(this.server + path, { method, headers: about, body: text, signal: this.controller.signal });
    const response = await sent.catch(() => {
      throw new Problem(0);
    });
    if (response.ok) return response;
    const { detail } = await response.json().catch(() => ({}));
    throw new Problem(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
  }

  /** The same, read as JSON. */
  async call(path, options) {
    const response = await this.fetch(path, options);
    return response.json().catch(() => {
      throw new Problem(0);
    });
  }
}

/** Hand the token to pages of our own server that the chat has opened and that ask for it; nobody else is answered.
 * In a cookie's place they are told that there is none to hand over: they find the cookie by themselves.
 * @param {Session} session @returns {() => void} ends it */
export function lendToken(session) {
  const answer = async ({ origin, source, data }) => {
    if (origin !== session.server || !data || data.xueshi !== "token?") return;
    const token = session.token || (await session.renew().catch(() => null));
    if (token) source.postMessage({ xueshi: "token", token: token.csrf ? null : token }, origin);
  };
  window.addEventListener("message", answer);
  return () => window.removeEventListener("message", answer);
}
