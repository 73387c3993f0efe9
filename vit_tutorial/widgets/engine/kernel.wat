;; The matrix product of the engine, 4 x 8 numbers at a time with 128-bit SIMD.
;;
;;   C[m][n] = bias[n] + sum over k of A[m][k] W[n][k]        m < rows, n < cols, k < depth; all float32
;;
;; A and C are row-major with strides lda and ldc. W stands in panels of eight outputs, [cols/8][depth][8], so that the inner
;; loop reads it straight through; cols is a multiple of 8. rows is any number: in the last tile, rows past the end are the last
;; row again, computed and stored with the same value. Pointers and strides are in bytes.
;;
;; Rebuild: python -m vit_tutorial.widgets.build
(module
  (import "engine" "memory" (memory 1))
  (func (export "product")
    (param $a i32) (param $w i32) (param $bias i32) (param $c i32)
    (param $rows i32) (param $cols i32) (param $depth i32) (param $lda i32) (param $ldc i32)
    (local $row i32) (local $last i32) (local $k i32) (local $panel i32)
    (local $a0 i32) (local $a1 i32) (local $a2 i32) (local $a3 i32)
    (local $c0 i32) (local $c1 i32) (local $c2 i32) (local $c3 i32)
    (local $w0 v128) (local $w1 v128) (local $x v128)
    (local $s00 v128) (local $s01 v128) (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128) (local $s30 v128) (local $s31 v128)
    (local.set $last (i32.sub (local.get $rows) (i32.const 1)))
    (loop $panels
      (local.set $row (i32.const 0))
      (loop $tiles
        ;; Where the four rows of this tile start, in A and in C.
        (local.set $a0 (i32.add (local.get $a) (i32.mul (local.get $row) (local.get $lda))))
        (local.set $c0 (i32.add (local.get $c) (i32.mul (local.get $row) (local.get $ldc))))
        (local.set $a1 (local.get $a0)) (local.set $c1 (local.get $c0))
        (if (i32.lt_u (local.get $row) (local.get $last)) (then
          (local.set $a1 (i32.add (local.get $a0) (local.get $lda)))
          (local.set $c1 (i32.add (local.get $c0) (local.get $ldc)))))
        (local.set $a2 (local.get $a1)) (local.set $c2 (local.get $c1))
        (if (i32.lt_u (i32.add (local.get $row) (i32.const 1)) (local.get $last)) (then
          (local.set $a2 (i32.add (local.get $a1) (local.get $lda)))
          (local.set $c2 (i32.add (local.get $c1) (local.get $ldc)))))
        (local.set $a3 (local.get $a2)) (local.set $c3 (local.get $c2))
        (if (i32.lt_u (i32.add (local.get $row) (i32.const 2)) (local.get $last)) (then
          (local.set $a3 (i32.add (local.get $a2) (local.get $lda)))
          (local.set $c3 (i32.add (local.get $c2) (local.get $ldc)))))
        (local.set $s00 (v128.load (local.get $bias)))
        (local.set $s01 (v128.load offset=16 (local.get $bias)))
        (local.set $s10 (local.get $s00)) (local.set $s11 (local.get $s01))
        (local.set $s20 (local.get $s00)) (local.set $s21 (local.get $s01))
        (local.set $s30 (local.get $s00)) (local.set $s31 (local.get $s01))
        (local.set $panel (local.get $w))
        (local.set $k (local.get $depth))
        (loop $inner
          (local.set $w0 (v128.load (local.get $panel)))
          (local.set $w1 (v128.load offset=16 (local.get $panel)))
          (local.set $x (v128.load32_splat (local.get $a0)))
          (local.set $s00 (f32x4.add (local.get $s00) (f32x4.mul (local.get $x) (local.get $w0))))
          (local.set $s01 (f32x4.add (local.get $s01) (f32x4.mul (local.get $x) (local.get $w1))))
          (local.set $x (v128.load32_splat (local.get $a1)))
          (local.set $s10 (f32x4.add (local.get $s10) (f32x4.mul (local.get $x) (local.get $w0))))
          (local.set $s11 (f32x4.add (local.get $s11) (f32x4.mul (local.get $x) (local.get $w1))))
          (local.set $x (v128.load32_splat (local.get $a2)))
          (local.set $s20 (f32x4.add (local.get $s20) (f32x4.mul (local.get $x) (local.get $w0))))
          (local.set $s21 (f32x4.add (local.get $s21) (f32x4.mul (local.get $x) (local.get $w1))))
          (local.set $x (v128.load32_splat (local.get $a3)))
          (local.set $s30 (f32x4.add (local.get $s30) (f32x4.mul (local.get $x) (local.get $w0))))
          (local.set $s31 (f32x4.add (local.get $s31) (f32x4.mul (local.get $x) (local.get $w1))))
          (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
          (local.set $a0 (i32.add (local.get $a0) (i32.const 4)))
          (local.set $a1 (i32.add (local.get $a1) (i32.const 4)))
          (local.set $a2 (i32.add (local.get $a2) (i32.const 4)))
          (local.set $a3 (i32.add (local.get $a3) (i32.const 4)))
          (br_if $inner (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (v128.store (local.get $c0) (local.get $s00)) (v128.store offset=16 (local.get $c0) (local.get $s01))
        (v128.store (local.get $c1) (local.get $s10)) (v128.store offset=16 (local.get $c1) (local.get $s11))
        (v128.store (local.get $c2) (local.get $s20)) (v128.store offset=16 (local.get $c2) (local.get $s21))
        (v128.store (local.get $c3) (local.get $s30)) (v128.store offset=16 (local.get $c3) (local.get $s31))
        (br_if $tiles (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 4))) (local.get $rows))))
      ;; The next eight outputs.
      (local.set $w (local.get $panel))
      (local.set $bias (i32.add (local.get $bias) (i32.const 32)))
      (local.set $c (i32.add (local.get $c) (i32.const 32)))
      (br_if $panels (i32.gt_s (local.tee $cols (i32.sub (local.get $cols) (i32.const 8))) (i32.const 0))))))
