// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: arithmetic on vectors, see vecmath.h.
 *
 * This file alone is compiled with floating point enabled. Components are
 * binary32; sums are kept in binary64, four side by side.
 */

#include <linux/types.h>

#include "uapi/vexfs.h"
#include "defect.h"
#include "vecmath.h"

/* The compiler makes one instruction of it, see Kbuild. */
double sqrt(double x);

union vexfs_bits {
	u64 bits;
	double value;
};

static double vexfs_from_bits(u64 bits)
{
	union vexfs_bits u = { .bits = bits };

	return u.value;
}

static u64 vexfs_to_bits(double value)
{
	union vexfs_bits u = { .value = value };

	return u.bits;
}

static double vexfs_dot(const float *a, const float *b, u32 dim)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	u32 i;

	for (i = 0; i + 4 <= dim; i += 4) {
		s0 += (double)a[i] * b[i];
		s1 += (double)a[i + 1] * b[i + 1];
		s2 += (double)a[i + 2] * b[i + 2];
		s3 += (double)a[i + 3] * b[i + 3];
	}
	for (; i < dim; i++)
		s0 += (double)a[i] * b[i];
	return (s0 + s1) + (s2 + s3);
}

static double vexfs_square(double x)
{
	return x * x;
}

static double vexfs_squares(const float *a, const float *b, u32 dim)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	u32 i;

	for (i = 0; i + 4 <= dim; i += 4) {
		s0 += vexfs_square((double)a[i] - b[i]);
		s1 += vexfs_square((double)a[i + 1] - b[i + 1]);
		s2 += vexfs_square((double)a[i + 2] - b[i + 2]);
		s3 += vexfs_square((double)a[i + 3] - b[i + 3]);
	}
	for (; i < dim; i++)
		s0 += vexfs_square((double)a[i] - b[i]);
	return (s0 + s1) + (s2 + s3);
}

static double vexfs_manhattan(const float *a, const float *b, u32 dim)
{
	double sum = 0, d;
	u32 i;

	for (i = 0; i < dim; i++) {
		d = (double)a[i] - b[i];
		sum += d < 0 ? -d : d;
	}
	return sum;
}

static double vexfs_cosine(const float *a, const float *b, u32 dim,
			   double a_norm2, double b_norm2)
{
	double distance;

	if (!(a_norm2 > 0) || !(b_norm2 > 0))
		return 1;
	if (VEXFS_DEFECT(wrong_cosine))
		b_norm2 = 1;
	distance = 1 - vexfs_dot(a, b, dim) / (sqrt(a_norm2) * sqrt(b_norm2));
	return distance < 0 ? 0 : distance;
}

u64 vexfs_fpu_norm2(const void *vector, u32 dim)
{
	return vexfs_to_bits(vexfs_dot(vector, vector, dim));
}

u64 vexfs_fpu_distance(u32 metric, const void *a, const void *b, u32 dim,
		       u64 a_norm2, u64 b_norm2)
{
	double distance;

	switch (metric) {
	case VEXFS_METRIC_EUCLIDEAN:
		distance = sqrt(vexfs_squares(a, b, dim));
		break;
	case VEXFS_METRIC_COSINE:
		distance = vexfs_cosine(a, b, dim, vexfs_from_bits(a_norm2),
					vexfs_from_bits(b_norm2));
		break;
	case VEXFS_METRIC_DOT:
		/* Not a plain minus, which would give -0 for 0. */
		distance = 0 - vexfs_dot(a, b, dim);
		break;
	default:
		distance = vexfs_manhattan(a, b, dim);
		break;
	}
	return vexfs_to_bits(distance);
}
