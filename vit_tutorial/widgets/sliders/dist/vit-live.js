(()=>{function s(i,t={},...n){let r=document.createElement(i);for(let[a,e]of Object.entries(t))a.startsWith("on")?r.addEventListener(a.slice(2),e):e!=null&&e!==!1&&r.setAttribute(a,e===!0?"":e);return r.append(...n.flat().filter(a=>a!=null)),r}function v(i,...t){let n=t.flat();if(n.every(r=>typeof r=="string")){let r=n.join("");(i.textContent!==r||i.childElementCount)&&(i.textContent=r)}else i.replaceChildren(...n)}function k(i,t){let n=s("input",{type:"checkbox",role:"switch",onchange:()=>t(n.checked)});return{node:s("label",{class:"switch"},n,s("span",{},i)),input:n,set(a){n.checked=a}}}var N=0;function S(i,t,n,r=""){let a=`vt-group-${N++}`,e=t.map(([o])=>s("input",{type:"radio",name:a,value:o,onchange:()=>n(o)})),l=t.map(([,o,h],x)=>s("label",{title:h},e[x],s("span",{},o)));return{node:s("div",{class:`segmented ${r}`,role:"radiogroup","aria-label":i},l),inputs:e,set(o){for(let h of e)h.checked=h.value===String(o)}}}function j(i,{min:t,max:n,step:r=1},a){let e=s("input",{type:"range",min:t,max:n,step:r,"aria-label":i,oninput:()=>a(Number(e.value))}),l=s("output",{});return{node:s("label",{class:"slider"},s("span",{class:"name"},i),e,l),input:e,set(o,h=String(o)){e.value=o,e.style.setProperty("--filled",`${100*(o-t)/(n-t||1)}%`),e.getAttribute("aria-valuetext")!==h&&e.setAttribute("aria-valuetext",h),v(l,h)}}}var w=`/* The look of a live figure's controls: the explorer's. In a shadow root, so plain names are safe; colours come from the book's page,
   from JupyterLab, or from here. */

:host {
  --ink: var(--vt-ink, var(--jp-ui-font-color1, #1d2129));
  --muted: var(--vt-muted, var(--jp-ui-font-color2, #5a6270));
  --paper: var(--vt-paper, var(--jp-layout-color0, #fff));
  --tint: var(--vt-tint, var(--jp-layout-color2, #f5f6f8));
  --line: var(--vt-line, var(--jp-border-color1, #d9dde3));
  --accent: var(--vt-accent, var(--jp-brand-color1, #00629b));
  --warn: var(--vt-warn, #a04500);
  display: block; container-type: inline-size; color: var(--ink); text-align: left;
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
.controls { display: grid; grid-template-columns: max-content minmax(60px, 24rem) minmax(0, max-content); gap: 4px 14px; align-items: center; padding: 8px 0 4px; }
.controls > * { grid-column: 1 / -1; }
.slider, .row { display: grid; grid-template-columns: subgrid; align-items: center; min-height: 32px; }
.row > :last-child { grid-column: 2 / -1; justify-self: start; }
.name { max-width: 9.5em; overflow-wrap: anywhere; }
@container (max-width: 480px) {
  .controls:not(.short) :is(.slider, .row) { grid-template-columns: minmax(0, 1fr) max-content; column-gap: 14px; }
  .controls:not(.short) :is(.name, .row > :last-child) { grid-column: 1 / -1; max-width: 100%; }
}

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
`;var A=9,E=600;function T(i,t,n){let r=[...t],a=i.map((d,u)=>$(d,f=>{r[u]!==f&&(r[u]=f,a[u].set(f),n([...r]))})),e=s("p",{class:"alarm",role:"alert",hidden:!0}),l=s("p",{class:"spoken",role:"status"}),c=i.every(({label:d,kind:u})=>u==="switch"||d.length<=A),o=s("div",{class:`controls ${c?"short":""}`,role:"group","aria-label":"Settings of this figure"},a.map(d=>d.node),e,l),h,x=d=>d.forEach((u,f)=>{r[f]=u,a[f].set(u)});return x(t),{node:o,places:r,set:x,fault(d){v(e,d),e.hidden=!d},say(d){clearTimeout(h),h=setTimeout(()=>v(l,d),E)}}}function $({label:i,kind:t,texts:n},r){if(t==="slider"){let{node:e,input:l,set:c}=j(i,{min:0,max:n.length-1},r);return e.querySelector("output").style.minWidth=`${Math.max(...n.map(o=>o.length))}ch`,l.disabled=n.length<2,{node:e,set:o=>c(o,n[o])}}if(t==="switch"){let e=n.indexOf("True"),{node:l,set:c}=k(i,o=>r(o?e:1-e));return{node:l,set:o=>c(o===e)}}if(t==="choice"){let{node:e,set:l}=S(i,n.map((c,o)=>[String(o),c]),c=>r(Number(c)));return{node:s("div",{class:"row"},s("span",{class:"name","aria-hidden":"true"},i),e),set:l}}let a=s("select",{onchange:()=>r(a.selectedIndex)},n.map(e=>s("option",{},e)));return{node:s("label",{class:"row"},s("span",{class:"name"},i),a),set(e){a.selectedIndex=e}}}function C(i,t){if(i.liveFigure)return;let n=i.querySelector(".vt-still"),r=n.querySelector(".vt-light"),a=n.querySelector(".vt-dark"),e=t.controls.map(m=>m.texts.length),l=m=>m.reduce((p,g,b)=>p*e[b]+g,0),c=new Map,o=l(t.start);function h(m){let p=(document.documentElement.dataset.theme==="dark"?t.dark:t.pictures)[m];if(!c.has(p)){let g={image:new Image,done:!1};g.promise=new Promise((b,z)=>{g.image.onload=()=>{g.done=!0,b()},g.image.onerror=()=>{c.delete(p),z()}}),g.promise.catch(()=>{}),g.image.src=p,c.set(p,g)}return c.get(p)}function x(m){r.src=t.pictures[t.shown[m]],a.src=t.dark[t.shown[m]],r.alt=a.alt=t.texts[m]??t.texts[0],u.fault(""),t.texts.length>1&&u.say(r.alt)}function d(m){let p=l(m),g=h(t.shown[p]);if(o=p,g.done)return x(p);g.promise.then(()=>o===p&&x(p),()=>o===p&&u.fault("The picture of this setting could not be loaded; the one above shows another."))}let u=T(t.controls,t.start,d),f=s("div",{class:"vt-live-controls"});f.attachShadow({mode:"open"}).append(s("style",{},w),u.node),r.decoding=a.decoding="sync",r.loading="eager",n.after(f),i.liveFigure={get places(){return[...u.places]},set(m){u.set(m),d(m)},ready:Promise.allSettled(t.pictures.map((m,p)=>h(p).promise))}}(globalThis.vitTutorialFigures??={}).live={mount:C};var y=document.currentScript?.closest('[data-vt-figure="live"]');y&&C(y,JSON.parse(y.querySelector('script[type="application/json"]').textContent));})();
