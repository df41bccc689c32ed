/* Products of tensors, and an attention step made of them, after a Korean notebook. Comments give its cells in order.
 */
#include <cornet/cornet.h>
#include <stdio.h>

int main(void)
{
    cn_tape *tape = cn_tape_new();

    /* 1 and 2: of matrices, K.dot is tf.matmul. */
    cn_tensor *a = cn_ones(tape, CN_SHAPE(3, 4)), *b = cn_ones(tape, CN_SHAPE(4, 5));
    cn_print(cn_dot(a, b));
    cn_print(cn_matmul(a, b));

    /* 3: of higher ranks, K.dot sums over the last axis of a and the last but one of b, for all of their other axes. */
    a = cn_ones(tape, CN_SHAPE(2, 3, 4)), b = cn_ones(tape, CN_SHAPE(7, 4, 5));
    cn_tensor *c = cn_dot(a, b);
    cn_print(cn_shape_of(c));
    printf("all from %g to %g\n", cn_item(cn_min(c)), cn_item(cn_max(c)));

    /* 4: "batxh_dot". Before Keras 2.3, batch_dot gave the product of matrices for each leading index, as this does;
     * since then it sums for each sample alone, and the other axes of a and b all stay. */
    a = cn_ones(tape, CN_SHAPE(9, 8, 7, 4, 2)), b = cn_ones(tape, CN_SHAPE(9, 8, 7, 2, 5));
    c = cn_matmul(a, b);
    cn_print(cn_shape_of(c));
    printf("all from %g to %g\n", cn_item(cn_min(c)), cn_item(cn_max(c)));
    cn_print("batch_dot of today:", cn_shape_of(cn_batch_dot(a, b)));

    /* 5: tf.matmul */
    cn_print(cn_shape_of(cn_matmul(a, b)));

    /* 6: u is (B, F), y is (B, T, F). */
    float u_values[2][3] = {{1, 2, 3}, {2, 3, 3}};
    float y_values[2][2][3] = {{{3, 2, 3}, {4, 2, 3}}, {{5, 2, 3}, {6, 2, 3}}};
    cn_tensor *u = cn_constant(tape, cn_array(u_values[0], 2, 3));
    cn_tensor *y = cn_constant(tape, cn_array(y_values[0][0], 2, 2, 3));

    /* 7: (B, T, F) . (B, F) is (B, T). Whether [y, u] or, as in the notebook's explanation, [u, y]: u has one axis
     * besides the batch, so the numbers are the same. */
    cn_tensor *alpha1 = cn_call_many(cn_dot_layer(CN_SHAPE(-1)), {y, u}).item[0];
    cn_print(alpha1);

    /* 8: softmax over T */
    cn_tensor *alpha = cn_softmax(alpha1);
    cn_print(alpha);

    /* 9: (B, T, F) . (B, T) is (B, F), the sum weighted by attention; the notebook's comment says (B, T). */
    cn_print(cn_call_many(cn_dot_layer(CN_SHAPE(1)), {y, alpha}).item[0]);

    /* 10: v is (B, T, A), u is (A), and v u is (B, T). The notebook writes both without commas, u as if it were
     * integers, and v u without the points of floats. */
    float v_values[2][3][4];
    for (int i = 0; i < 24; i++)
        v_values[i / 12][i / 4 % 3][i % 4] = (float)(100 * (i / 12 + 1) + 10 * (i / 4 % 3 + 1) + i % 4 + 1);
    cn_tensor *v = cn_constant(tape, cn_array(v_values[0][0], 2, 3, 4));
    cn_tensor *vu = cn_tensordot(v, cn_ones(tape, CN_SHAPE(4)), 1);
    cn_print(vu);

    /* 11: alphas = softmax(v u) over T: without scaling the largest takes it all. */
    cn_print(cn_softmax(vu));

    /* 12: a . b = |a| |b| cos(angle) is largest for equal directions, 0 at a right angle, least for opposite ones; the
     * notebook's text breaks off here. */
    float directions[3][2] = {{3, 4}, {-4, 3}, {-3, -4}};
    cn_tensor *d = cn_constant(tape, cn_array(directions[0], 3, 2));
    cn_print(cn_dot(d, cn_getitem(d, {CN_AT(0)})));

    bool failed = cn_failed();
    if (failed)
        fprintf(stderr, "%s\n", cn_error_message());
    cn_tape_free(tape);
    return failed;
}
