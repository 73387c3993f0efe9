(()=>{function s(i,t={},...n){let r=document.createElement(i);for(let[l,e]of Object.entries(t))l.startsWith("on")?r.addEventListener(l.slice(2),e):e!=null&&e!==!1&&r.setAttribute(l,e===!0?"":e);return r.append(...n.flat().filter(l=>l!=null)),r}function f(i,...t){let n=t.flat();if(n.every(r=>typeof r=="string")){let r=n.join("");(i.textContent!==r||i.childElementCount)&&(i.textContent=r)}else i.replaceChildren(...n)}function w(i,t){let n=s("input",{type:"checkbox",role:"switch",onchange:()=>t(n.checked)});return{node:s("label",{class:"switch"},n,s("span",{},i)),input:n,set(l){n.checked=l}}}var C=0;function y(i,t,n,r=""){let l=`vt-group-${C++}`,e=t.map(([o])=>s("input",{type:"radio",name:l,value:o,onchange:()=>n(o)})),d=t.map(([,o,m],p)=>s("label",{title:m},e[p],s("span",{},o)));return{node:s("div",{class:`segmented ${r}`,role:"radiogroup","aria-label":i},d),inputs:e,set(o){for(let m of e)m.checked=m.value===String(o)}}}function k(i,{min:t,max:n,step:r=1},l){let e=s("input",{type:"range",min:t,max:n,step:r,"aria-label":i,oninput:()=>l(Number(e.value))}),d=s("output",{});return{node:s("label",{class:"slider"},s("span",{class:"name"},i),e,d),input:e,set(o,m=String(o)){e.value=o,e.style.setProperty("--filled",`${100*(o-t)/(n-t||1)}%`),e.getAttribute("aria-valuetext")!==m&&e.setAttribute("aria-valuetext",m),f(d,m)}}}var v=`/* The look of a live figure's controls: the explorer's. In a shadow root, so plain names are safe; colours come from the book's page,
   from JupyterLab, or from here. */

:host {
  --ink: var(--vt-ink, var(--jp-ui-font-color1, #1d2129));
  --muted: var(--vt-muted, var(--jp-ui-font-color2, #5a6270));
  --paper: var(--vt-paper, var(--jp-layout-color0, #fff));
  --tint: var(--vt-tint, var(--jp-layout-color2, #f5f6f8));
  --line: var(--vt-line, var(--jp-border-color1, #d9dde3));
  --accent: var(--vt-accent, var(--jp-brand-color1, #00629b));
  --warn: var(--vt-warn, #a04500);
  display: block; color: var(--ink); text-align: left;
  font: 400 14px/1.45 var(--vt-sans, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }

figure { margin: 0; max-width: 690px; }
.picture { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.picture[aria-busy] { opacity: 0.6; }
figcaption { color: var(--muted); margin-top: 6px; }

/* Names, controls and values stand below each other. */
.controls { display: grid; grid-template-columns: fit-content(40%) minmax(60px, 24rem) max-content; gap: 4px 14px; align-items: center; padding: 8px 0 4px; }
.controls > * { grid-column: 1 / -1; }
.slider, .row { display: grid; grid-template-columns: subgrid; align-items: center; min-height: 32px; }
.row > :last-child { grid-column: 2 / -1; justify-self: start; }
.name { overflow-wrap: anywhere; }

.slider output { font-variant-numeric: tabular-nums; }
input[type="range"] { appearance: none; width: 100%; height: 28px; margin: 0; background: transparent; cursor: pointer; touch-action: pan-y; }
input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-webkit-slider-thumb { appearance: none; width: 18px; height: 18px; margin-top: -7px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]::-moz-range-thumb { width: 14px; height: 14px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]:disabled { opacity: 0.45; cursor: default; }

.segmented { display: inline-flex; flex-wrap: wrap; border: 1px solid var(--line); border-radius: 7px; padding: 2px; gap: 2px; background: var(--tint); max-width: 100%; }
.segmented label { position: relative; display: flex; cursor: pointer; min-width: 0; }
.segmented input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; width: 100%; height: 100%; }
.segmented span { padding: 3px 10px; border-radius: 5px; color: var(--muted); }
.segmented label:hover span { color: var(--ink); }
.segmented input:checked + span { background: var(--paper); color: var(--ink); font-weight: 600; box-shadow: 0 0 0 1px var(--line); }
.segmented input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 1px; }

select { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; padding: 3px 8px; min-height: 32px; max-width: 100%; }

.switch { display: inline-flex; justify-self: start; gap: 10px; align-items: center; cursor: pointer; min-height: 32px; }
.switch input { appearance: none; flex: none; width: 32px; height: 18px; margin: 0; border-radius: 9px; border: 1px solid var(--muted); background: transparent; position: relative; cursor: pointer; }
.switch input::after { content: ""; position: absolute; left: 2px; top: 2px; width: 12px; height: 12px; border-radius: 50%; background: var(--muted); }
.switch input:checked { background: var(--accent); border-color: var(--accent); }
.switch input:checked::after { background: var(--paper); left: 16px; }

.alarm { margin: 4px 0; border-left: 3px solid var(--warn); background: var(--tint); padding: 8px 12px; border-radius: 0 6px 6px 0; overflow-wrap: anywhere; }
.spoken { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (pointer: coarse) { .slider, .row, .switch { min-height: 44px; } input[type="range"] { height: 44px; } .segmented span, select { padding: 9px 13px; } }
@media (forced-colors: active) { .segmented input:checked + span { outline: 2px solid; } .switch input, .switch input::after { border: 1px solid; } }
@media print { .controls { display: none; } }
`;var N=600;function S(i,t,n){let r=[...t],l=i.map((p,g)=>z(p,a=>{r[g]!==a&&(r[g]=a,l[g].set(a),n([...r]))})),e=s("p",{class:"alarm",role:"alert",hidden:!0}),d=s("p",{class:"spoken",role:"status"}),u=s("div",{class:"controls",role:"group","aria-label":"Settings of this figure"},l.map(p=>p.node),e,d),o,m=p=>p.forEach((g,a)=>{r[a]=g,l[a].set(g)});return m(t),{node:u,places:r,set:m,fault(p){f(e,p),e.hidden=!p},say(p){clearTimeout(o),o=setTimeout(()=>f(d,p),N)}}}function z({label:i,kind:t,texts:n},r){if(t==="slider"){let{node:e,input:d,set:u}=k(i,{min:0,max:n.length-1},r);return e.querySelector("output").style.minWidth=`${Math.max(...n.map(o=>o.length))}ch`,d.disabled=n.length<2,{node:e,set:o=>u(o,n[o])}}if(t==="switch"){let e=n.indexOf("True"),{node:d,set:u}=w(i,o=>r(o?e:1-e));return{node:d,set:o=>u(o===e)}}if(t==="choice"){let{node:e,set:d}=y(i,n.map((u,o)=>[String(o),u]),u=>r(Number(u)));return{node:s("div",{class:"row"},s("span",{class:"name","aria-hidden":"true"},i),e),set:d}}let l=s("select",{onchange:()=>r(l.selectedIndex)},n.map(e=>s("option",{},e)));return{node:s("label",{class:"row"},s("span",{class:"name"},i),l),set(e){l.selectedIndex=e}}}function j(i,t){if(i.liveFigure)return;let n=i.querySelector(".vt-still"),r=t.controls.map(a=>a.texts.length),l=a=>a.reduce((c,h,x)=>c*r[x]+h,0),e=new Map,d=l(t.start);function u(a){if(!e.has(a)){let c={image:new Image,done:!1};c.promise=new Promise((h,x)=>{c.image.onload=()=>{c.done=!0,h()},c.image.onerror=()=>{e.delete(a),x()}}),c.promise.catch(()=>{}),c.image.src=t.pictures[a],e.set(a,c)}return e.get(a)}function o(a){n.src=t.pictures[t.shown[a]],n.alt=t.texts[a]??t.texts[0],p.fault(""),t.texts.length>1&&p.say(n.alt)}function m(a){let c=l(a),h=u(t.shown[c]);if(d=c,h.done)return o(c);h.promise.then(()=>d===c&&o(c),()=>d===c&&p.fault("The picture of this setting could not be loaded; the one above shows another."))}let p=S(t.controls,t.start,m),g=s("div",{class:"vt-live-controls"});g.attachShadow({mode:"open"}).append(s("style",{},v),p.node),n.decoding="sync",n.loading="eager",n.after(g),i.liveFigure={get places(){return[...p.places]},set(a){p.set(a),m(a)},ready:Promise.allSettled(t.pictures.map((a,c)=>u(c).promise))}}(globalThis.vitTutorialFigures??={}).live={mount:j};var b=document.currentScript?.closest('[data-vt-figure="live"]');b&&j(b,JSON.parse(b.querySelector('script[type="application/json"]').textContent));})();
