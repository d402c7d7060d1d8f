// Frames of HTML, made in Python, walked here: see stepper.py.
// A page sends it once, the component that draws the frames asks for it: lowrankWalk(args).
if (!window.lowrankWalk) {
  const REST = 250; // ms without a press after which Python hears of the place
  const BESIDE = 300; // pixels that the words beside a picture need
  const PACE = 1600; // ms a frame of Play

  if (!window.lowrankWalks) {
    window.lowrankWalks = {}; // by key, so that a walk outlives its element
    const busy = 'input:not([type=range]), textarea, select, [contenteditable=true], canvas, table, '
      + '[role=slider], [role=combobox], [role=listbox], [role=radiogroup], .js-plotly-plot';
    addEventListener('keydown', (event) => {
      if (event.target.closest?.(busy)) return;
      if (event.key === '/') { // to where a move is typed
        const boxes = document.querySelectorAll('.st-key-typed input, .st-key-written textarea');
        const box = [...boxes].find((each) => each.offsetParent); // one of them is hidden
        if (box) event.preventDefault();
        return box?.focus();
      }
      const press = { ArrowLeft: '.walk-back', ArrowRight: '.walk-next' }[event.key];
      const other = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
      const range = event.target.closest?.('.walk-range'); // moves by itself
      if (!press || other || range) return;
      const button = document.querySelector(`.walk ${press}`);
      if (button) event.preventDefault();
      button?.click();
    });
    // What is done next is done at the place that is seen.
    const hurry = (event) => {
      if (event.target.closest?.('.walk')) return;
      Object.values(window.lowrankWalks).forEach((walk) => walk.timer && walk.tell());
    };
    addEventListener('pointerdown', hurry, true);
    addEventListener('focusin', hurry, true);
  }

  const unpacked = (packed) => new Response(
    new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')),
  ).json();

  // What stands in the page as an element of its own, once it is there and as long as it is wanted.
  const inThePage = async (mark, wanted) => {
    let held;
    while (!(held = document.querySelector(`[data-walk="${mark}"]`))) {
      await new Promise((go) => setTimeout(go, 10));
      if (!wanted()) return [];
    }
    return unpacked(Uint8Array.from(atob(held.textContent), (sign) => sign.charCodeAt(0)));
  };

  const assembled = async (marks, rest, wanted) => {
    const [said, last] = await unpacked(rest);
    const full = await Promise.all(marks.map((mark) => inThePage(mark, wanted)));
    const drawn = full.flat().concat(last);
    return said.map((words, k) => [words, ...(drawn[k] ?? ['', ''])]);
  };

  window.lowrankWalk = ({ data, parentElement, setTriggerValue }) => {
    const cut = data.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(data.slice(0, cut)));
    const { key, of, turn, at, parts, names, words, watched } = head;
    const walks = window.lowrankWalks;
    let walk = walks[key];
    if (walk?.of !== of || walk.turn !== turn) {
      clearTimeout(walk?.timer);
      clearInterval(walk?.playing);
      const known = walk?.of === of && walk.frames;
      const next = walk = walks[key] = { of, turn, here: at };
      walk.frames = known || assembled(parts, data.slice(cut + 1), () => walks[key] === next);
    }
    const part = (name) => parentElement.querySelector(`.walk-${name}`);
    const [back, next, play, range] = ['back', 'next', 'play', 'range'].map(part);
    [back.textContent, next.textContent] = [`← ${names[0]}`, `${names[1]} →`];
    const place = parentElement.querySelector('.walk-place');
    parentElement.querySelector('.walk-bar').setAttribute('aria-label', words.steps);
    range.setAttribute('aria-label', words.step);
    next.classList.toggle('walk-first', watched);
    play.hidden = !watched;

    walk.tell = () => {
      clearTimeout(walk.timer);
      walk.timer = 0;
      setTriggerValue('rested', { of, at: walk.here });
    };
    walk.frames.then((frames) => {
      if (walks[key] !== walk) return;
      const last = frames.length - 1;
      const draw = () => {
        const frame = [...frames[walk.here]];
        if (head.said?.at === walk.here) frame[0] = head.said.html;
        frame.forEach((html, k) => {
          const box = part(['said', 'picture', 'after'][k]);
          if (box.shown === html) return; // else it would be read aloud again
          const left = box.querySelector('.lr-matrix')?.scrollLeft;
          box.innerHTML = box.shown = html;
          if (left) box.querySelector('.lr-matrix').scrollLeft = left;
        });
        const wide = part('picture').querySelector('.lr-body')?.offsetWidth ?? 0;
        walk.wide = Math.max(walk.wide ?? 0, wide); // so that the layout changes once at most
        const room = place.clientWidth - BESIDE;
        place.firstElementChild.classList.toggle('walk-beside', 0 < walk.wide && walk.wide <= room);
        [range.max, range.value, range.disabled] = [last, walk.here, !last];
        const said = words.place.replace('{here}', walk.here).replace('{last}', last);
        range.setAttribute('aria-valuetext', said);
        back.setAttribute('aria-disabled', walk.here === 0);
        next.setAttribute('aria-disabled', walk.here === last);
        play.setAttribute('aria-disabled', !last);
        play.textContent = walk.playing ? `❚❚ ${words.pause}` : `▶ ${words.play}`;
      };
      const to = (place) => {
        const here = Math.min(Math.max(place, 0), last);
        if (here !== walk.here) {
          walk.here = here;
          clearTimeout(walk.timer);
          walk.timer = setTimeout(walk.tell, REST);
        }
        draw();
      };
      const pause = () => {
        clearInterval(walk.playing);
        walk.playing = 0;
      };
      const go = (place) => {
        pause();
        to(place);
      };
      const onward = () => {
        if (!parentElement.isConnected || walk.here + 1 >= last) pause();
        to(walk.here + 1);
      };
      back.onclick = () => go(walk.here - 1);
      next.onclick = () => go(walk.here + 1);
      range.oninput = () => go(Number(range.value));
      play.onclick = () => {
        if (walk.playing) return go(walk.here);
        if (walk.here === last) to(0);
        walk.playing = last ? setInterval(onward, PACE) : 0;
        draw();
      };
      if (walk.playing) { // the element is new, or Python drew around it
        clearInterval(walk.playing);
        walk.playing = setInterval(onward, PACE);
      }
      walk.here = Math.min(walk.here, last);
      draw();
    });
  };
}
