// A visit of a page is one entry of the browser's history, and its address is the whole view.
//
// Left alone, Streamlit drops the view from the entry of the page that is left and the choices of
// what is not drawn just now, adds an entry whenever the server corrects the address, and opens a
// page without the view it had. So a link to a page adds its entry here, with the view that page
// had last, and is then followed as Back and Forward are: what is drawn is what the address says.
if (!window.lowrankVisits) {
  window.lowrankVisits = true;
  const shared = SHARED; // keys of the sidebar's widgets, whose choice goes along to every page
  const pages = PAGES; // the page of every other key
  const page = (url) => url.pathname.split('/').pop();
  const MOMENT = 250; // ms: a slider tells its value only some 200 ms after it was moved
  const LONGEST = 1000; // ms that the answer to what was done is waited for
  const kept = (name) => new URLSearchParams(sessionStorage.getItem(name) ?? '');
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  const drawn = (key) => document.querySelector(`.st-key-${key.replace(/[^\w-]/g, '-')}`);
  const copy = (key, from, to) => from.getAll(key).forEach((value) => to.append(key, value));
  let here = new URL(location.href);
  let dropped = new URLSearchParams(); // what went from the address since the page was last whole
  let corrected; // the address that the server had sent before this script was there
  // What the visitor changed last, as it was before: a run that began earlier still says so, however
  // late. Said after the visitor's next action, it is what came of that.
  const early = new Map();
  let changed = 0; // when
  let followed = false; // whether the visitor has gone to another page, by a link or in the history

  // The server takes out of the address what is not drawn any more: that is part of the view, too.
  const mend = () => {
    const gone = [...new Set(dropped.keys())].filter((key) => !here.searchParams.has(key));
    gone.filter((key) => !drawn(key)).forEach((key) => copy(key, dropped, here.searchParams));
    dropped = new URLSearchParams();
  };
  const whole = () => {
    mend();
    if (here.href !== location.href) replace(history.state, '', here);
  };
  const values = (url, key) => JSON.stringify(url.searchParams.getAll(key));
  const write = (state, title, address, own) => {
    const to = new URL(address, location.href);
    if (own) changed = performance.now();
    for (const key of new Set([...here.searchParams.keys(), ...to.searchParams.keys()])) {
      const before = values(here, key), now = values(to, key);
      if (own && now !== before && !early.has(key)) early.set(key, before);
      if (own || now !== early.get(key)) continue;
      to.searchParams.delete(key);
      copy(key, here.searchParams, to.searchParams);
    }
    const now = [...to.searchParams.keys()];
    if (corrected) { // on the way back to the first entry
      corrected = to;
      return;
    }
    const late = (key) => !here.searchParams.has(key) && (pages[key] ?? page(to)) !== page(to);
    if (now.some(late)) return; // the server's last word about the page that was left
    for (const key of new Set(here.searchParams.keys())) {
      if (!now.includes(key)) copy(key, here.searchParams, dropped);
    }
    replace(state, title, to);
    here = new URL(location.href);
  };
  const leave = () => {
    followed = true;
    early.clear();
    mend();
    const choice = kept('shared');
    for (const key of shared.filter((key) => here.searchParams.has(key) || drawn(key))) {
      choice.delete(key);
      copy(key, here.searchParams, choice);
    }
    sessionStorage.setItem('shared', choice);
    sessionStorage.setItem(here.pathname, here.searchParams);
    here = new URL(location.href);
    return choice;
  };
  history.pushState = (state, title, address) => {
    if (new URL(address, location.href).pathname === location.pathname) {
      return write(state, title, address, false); // by the server
    }
    if (followed) return; // no page leads to another by itself: a late word about the one left
    push(state, title, address);
    leave();
  };
  history.replaceState = (state, title, address) => write(state, title, address, true);

  // What the server corrected before this script was there has an entry of its own: the visit keeps
  // its first one.
  const asked = performance.getEntriesByType('navigation')[0].name.split('#')[0];
  let pressed; // a link that was pressed on the way back, which would break off what it opens
  const later = (event) => {
    pressed = event.target.closest?.('a[href]');
    if (!pressed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const first = (event) => {
    event.stopImmediatePropagation(); // nothing is to be drawn anew
    if (location.href.split('#')[0] !== asked) return history.back();
    removeEventListener('popstate', first, true);
    removeEventListener('click', later, true);
    replace(history.state, '', corrected);
    here = corrected;
    corrected = undefined;
    pressed?.click();
  };
  // Where labels of another language became this one's it has two: the first would ask anew.
  const moved = location.href.split('#')[0] !== asked && !TRANSLATED;
  if (moved && new URL(asked).pathname === location.pathname) {
    corrected = here;
    addEventListener('popstate', first, true);
    addEventListener('click', later, true);
    history.back();
  }
  addEventListener('popstate', leave, true); // before Streamlit

  const idle = () => document.querySelector('[data-test-script-state="notRunning"]');
  new MutationObserver(() => idle() && requestAnimationFrame(() => idle() && whole())).observe(
    document.body, { subtree: true, attributeFilter: ['data-test-script-state'] });

  let touched = 0, waiting;
  const touch = (event) => {
    const now = performance.now(), begins = ['pointerdown', 'keydown'].includes(event.type);
    if (begins && now - changed > LONGEST) early.clear();
    if (!linked(event)) touched = now;
  };
  const linked = (event) => event.target.closest?.('[data-testid$="NavLink"]'); // to a page
  ['pointerdown', 'pointerup', 'keydown', 'change'].forEach((kind) =>
    addEventListener(kind, touch, true));
  const follow = (link) => {
    const since = performance.now() - touched;
    clearTimeout(waiting);
    if (since < LONGEST && (since < MOMENT || !idle())) {
      waiting = setTimeout(follow, 20, link);
      return;
    }
    whole();
    const to = new URL(link.href), choice = leave();
    const view = to.search ? to.searchParams : kept(to.pathname);
    const own = new Set(to.search ? to.searchParams.keys() : []); // a link that names a matrix
    shared.filter((key) => !own.has(key)).forEach((key) => {
      view.delete(key);
      copy(key, choice, view);
    });
    to.search = view;
    if (to.href !== location.href) push({}, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
    if (innerWidth < 768) { // where the sidebar lies over the page
      document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    }
  };
  addEventListener('click', (event) => {
    const link = linked(event);
    const opened = event.button || event.ctrlKey || event.metaKey || event.shiftKey; // elsewhere
    if (!link || opened) return;
    event.preventDefault();
    event.stopPropagation();
    follow(link);
  }, true);
}
