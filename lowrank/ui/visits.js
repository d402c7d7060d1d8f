// A visit of a page is one entry of the browser's history, and its address is the whole view.
//
// Left alone, Streamlit drops the view from the entry of the page that is left, adds an entry
// whenever the server corrects the address, and opens a page without the view it had. So a link to
// a page adds its entry here, with the view that page had last, and is then followed as Back and
// Forward are: what Streamlit draws is what the address says.
if (!window.lowrankVisits) {
  window.lowrankVisits = true;
  const shared = SHARED; // keys of the sidebar's widgets, whose choice goes along to every page
  const kept = (name) => new URLSearchParams(sessionStorage.getItem(name) ?? '');
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let here = new URL(location.href);

  const leave = () => {
    const choice = kept('shared');
    for (const key of shared.filter((key) => document.querySelector(`.st-key-${key}`))) {
      choice.delete(key);
      here.searchParams.getAll(key).forEach((value) => choice.append(key, value));
    }
    sessionStorage.setItem('shared', choice);
    sessionStorage.setItem(here.pathname, here.searchParams);
    here = new URL(location.href);
    return choice;
  };
  history.pushState = (state, title, address) => {
    const other = new URL(address, location.href).pathname !== location.pathname;
    (other ? push : replace)(state, title, address);
    if (other) leave();
    here = new URL(location.href);
  };
  history.replaceState = (state, title, address) => {
    replace(state, title, address);
    here = new URL(location.href);
  };
  addEventListener('popstate', leave);
  addEventListener('click', (event) => {
    const link = event.target.closest('[data-testid$="NavLink"]'); // in the sidebar or on a page
    const opened = event.button || event.ctrlKey || event.metaKey || event.shiftKey; // elsewhere
    if (!link || opened) return;
    event.preventDefault();
    event.stopPropagation();
    const to = new URL(link.href), choice = leave();
    const view = to.search ? to.searchParams : kept(to.pathname);
    shared.forEach((key) => view.delete(key));
    choice.forEach((value, key) => view.append(key, value));
    to.search = view;
    if (to.href !== location.href) push({}, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
    if (innerWidth < 768) { // where the sidebar lies over the page
      document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    }
  }, true);
}
