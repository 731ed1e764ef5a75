const PATIENCE = 120e3; // milliseconds: a mobile network can leave a request hanging for ever

/** What went wrong, in a line fit to show. `status` is 0 where no answer came. */
export class Problem extends Error {
  constructor(status, detail, retryAfter = 0) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** JSON from the server, or a Problem. `body`: what to post. */
export async function request(path, { body, token, signal } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response, data;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
    data = await response.json();
  } catch (_) {
    if (!response) throw new Problem(0, "没有连上服务器，请检查网络后重试。");
    throw new Problem(response.status, "服务器的回答读不出来，请稍后重试。");
  }
  if (response.ok) return data;
  const wait = Number(response.headers.get("Retry-After")) || 0;
  throw new Problem(response.status, data.detail || "请求没有成功，请稍后重试。", wait);
}

/**
 * One signed-in account; the token lives here and nowhere else. Another account is another Session, and `end` cuts off
 * what the old one still waits for, so that nothing of one person reaches the next. `renew` gets a fresh token (demo).
 */
export class Session {
  constructor(token, renew = null) {
    this.token = token;
    this.renew = renew;
    this.ended = false;
    this.open = new Set();
  }

  end() {
    this.ended = true;
    this.open.forEach((controller) => controller.abort());
  }

  async call(path, body) {
    try {
      return await this.once(path, body);
    } catch (problem) {
      if (problem.status !== 401 || !this.renew || this.ended) throw problem;
      this.token = await this.renew();
      return this.once(path, body);
    }
  }

  async once(path, body) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), PATIENCE);
    this.open.add(controller);
    try {
      return await request(path, { body, token: this.token, signal: controller.signal });
    } finally {
      clearTimeout(timer);
      this.open.delete(controller);
    }
  }
}
