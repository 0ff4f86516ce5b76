'use strict';
const root = document.documentElement;
// What went wrong is left where a test or a person can find it.
window.addEventListener('error', (event) => { root.dataset.error = event.message || 'error'; });

const tip = document.getElementById('tip');

function showTip(mark, x, y) {
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(x + 14, innerWidth - box.width - 8);
  const top = y + 16 + box.height > innerHeight ? y - box.height - 12 : y + 16;
  tip.style.left = Math.max(8, left) + 'px';
  tip.style.top = Math.max(8, top) + 'px';
}

function hideTip() { tip.hidden = true; }

function openCard(id) {
  const card = document.getElementById('card');
  const template = document.getElementById('trial-' + id);
  if (!card || !template) return;
  card.replaceChildren(template.content.cloneNode(true));
  for (const mark of document.querySelectorAll('.chart .on')) mark.classList.remove('on');
  for (const mark of document.querySelectorAll('.chart [data-trial="' + id + '"]')) mark.classList.add('on');
  const box = card.getBoundingClientRect();
  if (box.top < 0 || box.top > innerHeight * 0.7) card.scrollIntoView({block: 'start'});
}

// A chart is one stop for the keyboard; arrows walk over its points from left to right.
function walkable(svg) {
  let marks = null;
  let at = -1;
  const leave = () => svg.querySelectorAll('.at').forEach((mark) => mark.classList.remove('at'));
  svg.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return hideTip();
    if (event.key === 'Enter' && at >= 0 && marks[at].dataset.trial) return openCard(marks[at].dataset.trial);
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    marks = [...svg.querySelectorAll('[data-tip]')].filter((mark) => !mark.closest('.off'));
    if (!marks.length) return;
    marks.sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left);
    at = Math.min(marks.length - 1, Math.max(0, at + step));
    leave();
    marks[at].classList.add('at');
    const box = marks[at].getBoundingClientRect();
    showTip(marks[at], box.right, box.bottom);
  });
  svg.addEventListener('blur', () => { at = -1; leave(); hideTip(); });
}

function switchable(figure) {
  figure.querySelectorAll('.legend button').forEach((button) => {
    button.addEventListener('click', () => {
      const shown = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(shown));
      figure.querySelectorAll(':scope > svg [data-s="' + button.dataset.s + '"]').forEach((part) => {
        part.classList.toggle('off', !shown);
      });
    });
  });
}

function keyOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.v === undefined) return cell.textContent.trim();
  return cell.dataset.v === '' ? null : Number(cell.dataset.v);
}

// Cells without a value stay at the end, whichever way a table is sorted.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === 'number') return sign * (a - b);
  return sign * a.localeCompare(b);
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(keyOf(a, column), keyOf(b, column), sign));
      table.tBodies[0].append(...rows);
    });
  });
}

document.addEventListener('pointermove', (event) => {
  const mark = event.target.closest && event.target.closest('[data-tip]');
  if (mark) showTip(mark, event.clientX, event.clientY); else hideTip();
});
document.addEventListener('click', (event) => {
  const source = event.target.closest('[data-trial]');
  if (source) openCard(source.dataset.trial);
});
window.addEventListener('hashchange', () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
});
window.addEventListener('beforeprint', () => {
  document.querySelectorAll('details.network').forEach((details) => { details.open = true; });
});

document.querySelectorAll('.chart > svg').forEach(walkable);
document.querySelectorAll('.chart').forEach(switchable);
document.querySelectorAll('table.sortable').forEach(sortable);

function measure() {
  root.dataset.overflow = String(root.scrollWidth > root.clientWidth);
  root.dataset.points = String(document.querySelectorAll('.chart [data-trial]').length);
}
window.addEventListener('resize', measure);
measure();
